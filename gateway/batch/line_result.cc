#include "batch/line_result.h"

#include <algorithm>
#include <cstdint>

#include "batch/batch_ids.h"
#include "batch/batch_line.h"
#include "schema/token_usage.h"
#include "wire/json.h"

namespace rocket {
namespace {

std::string head_of(const AskedLine& asked) {
  return R"({"id":)" + json_quoted(asked.id) + R"(,"custom_id":)" + json_quoted(asked.custom_id);
}

// Where it breaks into lines it stands between JSON's tokens: a string can not hold a line end.
void append_on_one_line(std::string& out, std::string_view json) {
  const std::size_t begin = out.size();
  out += json;
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
}

// An upstream says what it likes. Those of a million lines together fit into the store's 63 bits.
constexpr std::int64_t tokens_max = std::int64_t{1} << 40U;

std::uint64_t counted(std::int64_t tokens) {
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(tokens, 0, tokens_max));
}

BatchTokens tokens_of(std::string_view body, std::string_view endpoint) {
  const auto usage = json_find(body, "usage");
  if (!usage || usage->kind != JsonKind::object) return {};
  TokenUsage read;
  const bool responses = endpoint == "/v1/responses";
  read_usage(responses ? Dialect::responses : Dialect::chat, usage->text, read);
  return {.input = counted(read.input),
          .cached = counted(read.cache_read),
          .output = counted(read.output),
          .reasoning = counted(read.thinking)};
}

}  // namespace

AskedLine asked_line(const StoredBatch& batch, std::uint32_t line, std::string_view text) {
  const auto read = read_batch_line(text, batch.endpoint);
  return {.line = line,
          .custom_id = read ? read->custom_id : std::string(),
          .id = line_request_id(batch.id, line)};
}

LineResult answered_line(const AskedLine& asked, const LineResponse& response,
                         std::string_view endpoint) {
  LineResult result{.line = asked.line, .error = response.status >= 400, .json = {}, .tokens = {}};
  const auto body = parse_json(response.body, {.depth = JsonLimits::depth_max});
  result.json = head_of(asked) + R"(,"response":{"status_code":)" +
                std::to_string(response.status) + R"(,"request_id":)" +
                json_quoted(response.request_id);
  if (!response.translation.empty()) {
    result.json += R"(,"translation":)" + json_quoted(response.translation);
  }
  result.json += R"(,"body":)";
  if (body) {
    append_on_one_line(result.json, body->text);
  } else {
    json_append_quoted(result.json, response.body);
  }
  result.json += R"(},"error":null})";
  if (body && body->kind == JsonKind::object && !result.error) {
    result.tokens = tokens_of(body->text, endpoint);
  }
  return result;
}

LineResult unanswered_line(const AskedLine& asked, std::string_view code,
                           std::string_view message) {
  return {.line = asked.line,
          .error = true,
          .json = head_of(asked) + R"(,"response":null,"error":{"code":)" + json_quoted(code) +
                  R"(,"message":)" + json_quoted(message) + "}}",
          .tokens = {}};
}

}  // namespace rocket
