#include "store/sql_journal.h"

#include <algorithm>
#include <optional>
#include <string>

namespace rocket {
namespace {

// Rows of one statement: few enough for what a statement may be given, enough for the way to a
// Postgres and back not to count.
constexpr size_t rows_at_once = 200;

Result<std::int64_t> seq_of(SqlConnection& connection, std::string_view id,
                            std::string_view condition = {},
                            std::initializer_list<SqlValue> more = {}) {
  std::optional<std::int64_t> seq;
  std::vector<SqlValue> values{id};
  values.insert(values.end(), more);
  const auto found = connection.run(
      "SELECT seq FROM rocket_batches WHERE id = $1" + std::string(condition),
      std::span<const SqlValue>(values), [&](const SqlRow& row) { seq = row.number(0); });
  if (!found) return std::unexpected(found.error());
  if (!seq) return fail(ErrorCode::batch_not_found);
  return *seq;
}

// "($1, $2), ($3, $4)"
std::string value_rows(size_t rows, size_t columns) {
  std::string text;
  size_t number = 0;
  for (size_t row = 0; row < rows; ++row) {
    text += row == 0 ? "(" : ", (";
    for (size_t column = 0; column < columns; ++column) {
      if (column != 0) text += ", ";
      text.append("$").append(std::to_string(++number));
    }
    text += ')';
  }
  return text;
}

// A statement about some lines of a batch: "DELETE ..." + " WHERE batch = $1 AND line IN ($2, $3)".
Result<void> change_begun(SqlConnection& connection, std::string statement, std::int64_t batch,
                          std::span<const std::uint32_t> lines) {
  statement += " WHERE batch = $1 AND line IN (";
  std::vector<SqlValue> values{batch};
  for (const std::uint32_t line : lines) {
    values.emplace_back(std::int64_t{line});
    statement += (values.size() == 2 ? "$" : ", $") + std::to_string(values.size());
  }
  const auto done =
      connection.run(statement + ")", std::span<const SqlValue>(values), [](const SqlRow&) {});
  if (!done) return std::unexpected(done.error());
  return {};
}

Result<void> begin_some(SqlConnection& connection, std::int64_t batch,
                        std::span<const std::uint32_t> lines) {
  std::vector<SqlValue> values;
  for (const std::uint32_t line : lines) {
    values.emplace_back(batch);
    values.emplace_back(std::int64_t{line});
    values.emplace_back(std::int64_t{1});
  }
  const auto done = connection.run(
      "INSERT INTO rocket_begun_lines (batch, line, times) VALUES " + value_rows(lines.size(), 3) +
          " ON CONFLICT (batch, line) DO UPDATE SET times = rocket_begun_lines.times + 1",
      std::span<const SqlValue>(values), [](const SqlRow&) {});
  if (!done) return std::unexpected(done.error());
  return {};
}

// What those results add to their batch that are new.
struct Gain {
  std::uint32_t answers = 0;
  std::uint32_t errors = 0;
  BatchTokens tokens;

  void add(const SqlRow& row) {
    ++(row.number(0) != 0 ? errors : answers);
    tokens.input += row.count(1);
    tokens.cached += row.count(2);
    tokens.output += row.count(3);
    tokens.reasoning += row.count(4);
  }
};

Result<void> finish_some(SqlConnection& connection, std::int64_t batch,
                         std::span<const LineResult> results, Gain& gain) {
  std::vector<SqlValue> values;
  std::vector<std::uint32_t> lines;
  for (const LineResult& result : results) {
    lines.push_back(result.line);
    values.insert(values.end(), {batch, std::int64_t{result.line}, std::int64_t{result.error},
                                 std::string_view(result.json)});
    for (const std::uint64_t tokens : {result.tokens.input, result.tokens.cached,
                                       result.tokens.output, result.tokens.reasoning}) {
      values.emplace_back(static_cast<std::int64_t>(tokens));
    }
  }
  const auto added = connection.run(
      "INSERT INTO rocket_line_results (batch, line, error, json, input_tokens, cached_tokens, "
      "output_tokens, reasoning_tokens) VALUES " +
          value_rows(results.size(), 8) +
          " ON CONFLICT (batch, line) DO NOTHING RETURNING error, input_tokens, cached_tokens, "
          "output_tokens, reasoning_tokens",
      std::span<const SqlValue>(values), [&](const SqlRow& row) { gain.add(row); });
  if (!added) return std::unexpected(added.error());
  return change_begun(connection, "DELETE FROM rocket_begun_lines", batch, lines);
}

Result<void> add_gain(SqlConnection& connection, std::int64_t batch, const Gain& gain) {
  const auto updated = connection.run(
      "UPDATE rocket_batches SET completed = completed + $2, failed = failed + $3, input_tokens = "
      "input_tokens + $4, cached_tokens = cached_tokens + $5, output_tokens = output_tokens + $6, "
      "reasoning_tokens = reasoning_tokens + $7 WHERE seq = $1",
      {batch, std::int64_t{gain.answers}, std::int64_t{gain.errors},
       static_cast<std::int64_t>(gain.tokens.input), static_cast<std::int64_t>(gain.tokens.cached),
       static_cast<std::int64_t>(gain.tokens.output),
       static_cast<std::int64_t>(gain.tokens.reasoning)});
  if (!updated) return std::unexpected(updated.error());
  return {};
}

// A batch that nobody has ended: what comes later is in none of its files.
constexpr std::string_view at_work =
    "status IN ('validating', 'in_progress', 'finalizing', 'cancelling')";

// Its seq, if it is of that kind. Then it stays so until the transaction is over: its row is held.
Result<std::optional<std::int64_t>> hold(SqlConnection& connection, std::string_view id,
                                         std::string_view kind) {
  std::optional<std::int64_t> seq;
  const auto held =
      connection.run("UPDATE rocket_batches SET completed = completed WHERE id = $1 AND " +
                         std::string(kind) + " RETURNING seq",
                     {id}, [&](const SqlRow& row) { seq = row.number(0); });
  if (!held) return std::unexpected(held.error());
  return seq;
}

Result<std::uint32_t> finish_held(SqlConnection& connection, std::int64_t batch,
                                  std::span<const LineResult> results) {
  Gain gain;
  while (!results.empty()) {
    const auto some = results.first(std::min(results.size(), rows_at_once));
    const auto finished = finish_some(connection, batch, some, gain);
    if (!finished) return std::unexpected(finished.error());
    results = results.subspan(some.size());
  }
  const std::uint32_t lines = gain.answers + gain.errors;
  if (lines == 0) return 0;
  const auto added = add_gain(connection, batch, gain);
  if (!added) return std::unexpected(added.error());
  return lines;
}

LineResult read_result(const SqlRow& row) {
  return {.line = static_cast<std::uint32_t>(row.number(0)),
          .error = row.number(1) != 0,
          .json = std::string(row.text(2)),
          .tokens = {.input = row.count(3),
                     .cached = row.count(4),
                     .output = row.count(5),
                     .reasoning = row.count(6)}};
}

}  // namespace

Result<void> begin_lines(SqlConnection& connection, std::string_view id,
                         std::span<const std::uint32_t> lines, std::string_view holder) {
  const std::string can_begin = " AND " + std::string(at_work);
  const auto batch = holder.empty()
                         ? seq_of(connection, id, can_begin)
                         : seq_of(connection, id, can_begin + " AND lease_holder = $2", {holder});
  if (!batch) return std::unexpected(batch.error());
  // Postgres does not let a statement change a row twice.
  std::vector<std::uint32_t> once(lines.begin(), lines.end());
  std::ranges::sort(once);
  once.erase(std::ranges::unique(once).begin(), once.end());
  std::span<const std::uint32_t> left = once;
  while (!left.empty()) {
    const auto some = left.first(std::min(left.size(), rows_at_once));
    const auto begun = begin_some(connection, *batch, some);
    if (!begun) return begun;
    left = left.subspan(some.size());
  }
  return {};
}

Result<void> unbegin_lines(SqlConnection& connection, std::string_view id,
                           std::span<const std::uint32_t> lines) {
  const auto batch = seq_of(connection, id);
  if (!batch) return std::unexpected(batch.error());
  while (!lines.empty()) {
    const auto some = lines.first(std::min(lines.size(), rows_at_once));
    const auto done =
        change_begun(connection, "UPDATE rocket_begun_lines SET times = times - 1", *batch, some);
    if (!done) return done;
    lines = lines.subspan(some.size());
  }
  return {};
}

Result<std::uint32_t> finish_lines(SqlConnection& connection, std::string_view id,
                                   std::span<const LineResult> results) {
  const auto held = hold(connection, id, at_work);
  if (!held) return std::unexpected(held.error());
  if (*held) return finish_held(connection, **held, results);
  const auto ended = seq_of(connection, id);
  if (!ended) return std::unexpected(ended.error());
  return 0;
}

Result<std::uint32_t> offer_lines(SqlConnection& connection, std::string_view id,
                                  std::span<const LineResult> results) {
  const auto held = hold(connection, id, "status = 'in_progress'");
  if (!held) return std::unexpected(held.error());
  return *held ? finish_held(connection, **held, results) : Result<std::uint32_t>(0);
}

Result<std::vector<bool>> finished_lines(SqlConnection& connection, std::string_view id) {
  const auto batch = seq_of(connection, id);
  if (!batch) return std::unexpected(batch.error());
  std::vector<bool> finished;
  const auto read =
      connection.run("SELECT line FROM rocket_line_results WHERE batch = $1 ORDER BY line",
                     {*batch}, [&](const SqlRow& row) {
                       const auto line = static_cast<size_t>(row.number(0));
                       finished.resize(line + 1);
                       finished[line] = true;
                     });
  if (!read) return std::unexpected(read.error());
  return finished;
}

Result<std::vector<BegunLine>> begun_lines(SqlConnection& connection, std::string_view id) {
  const auto batch = seq_of(connection, id);
  if (!batch) return std::unexpected(batch.error());
  std::vector<BegunLine> begun;
  const auto read = connection.run(
      "SELECT line, times FROM rocket_begun_lines b WHERE batch = $1 AND NOT EXISTS (SELECT 1 FROM "
      "rocket_line_results r WHERE r.batch = b.batch AND r.line = b.line) ORDER BY line",
      {*batch}, [&](const SqlRow& row) {
        begun.push_back(
            {static_cast<std::uint32_t>(row.number(0)), static_cast<std::uint32_t>(row.number(1))});
      });
  if (!read) return std::unexpected(read.error());
  return begun;
}

Result<std::vector<LineResult>> line_results(SqlConnection& connection, std::string_view id,
                                             bool errors, std::int64_t after, std::uint32_t limit) {
  const auto batch = seq_of(connection, id);
  if (!batch) return std::unexpected(batch.error());
  std::vector<LineResult> results;
  const auto read = connection.run(
      "SELECT line, error, json, input_tokens, cached_tokens, output_tokens, reasoning_tokens FROM "
      "rocket_line_results WHERE batch = $1 AND error = $2 AND line > $3 ORDER BY line LIMIT $4",
      {*batch, std::int64_t{errors}, after, std::int64_t{limit}},
      [&](const SqlRow& row) { results.push_back(read_result(row)); });
  if (!read) return std::unexpected(read.error());
  return results;
}

Result<void> drop_lines(SqlConnection& connection, std::string_view id) {
  const auto batch = seq_of(connection, id);
  if (!batch) return std::unexpected(batch.error());
  for (const char* const statement : {"DELETE FROM rocket_begun_lines WHERE batch = $1",
                                      "DELETE FROM rocket_line_results WHERE batch = $1"}) {
    const auto done = connection.run(statement, {*batch});
    if (!done) return std::unexpected(done.error());
  }
  return {};
}

}  // namespace rocket
