#include "telemetry/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using Json = nlohmann::json;

AccessEntry example() {
  return {.time = WallTime(1709210096789ms),
          .id = "req-1",
          .operation = "chat_completions",
          .route = "fast",
          .model = "llama3:latest",
          .backend = "ollama",
          .endpoint = "ollama/0",
          .status = 200,
          .outcome = Outcome::ok,
          .blame = Blame::none,
          .attempts = 2,
          .queue = 1500us,
          .first_token = 45678us,
          .total = 1234567us,
          .tokens_in = 512,
          .tokens_out = 128,
          .key = "team",
          .lane = "normal",
          .bytes_in = 2345,
          .bytes_out = 6789};
}

struct Text {
  const char* name;
  std::string_view AccessEntry::* member;
};
constexpr Text texts[] = {
    {"id", &AccessEntry::id},           {"operation", &AccessEntry::operation},
    {"route", &AccessEntry::route},     {"model", &AccessEntry::model},
    {"backend", &AccessEntry::backend}, {"endpoint", &AccessEntry::endpoint},
    {"key", &AccessEntry::key},         {"lane", &AccessEntry::lane}};

std::string line_of(const AccessEntry& entry) {
  std::string line;
  append_access_line(line, entry);
  return line;
}

TEST(AccessLine, has_the_pinned_fields_in_order) {
  EXPECT_EQ(line_of(example()),
            R"({"ts":"2024-02-29T12:34:56.789Z","id":"req-1","operation":"chat_completions",)"
            R"("route":"fast","model":"llama3:latest","backend":"ollama","endpoint":"ollama/0",)"
            R"("status":200,"outcome":"ok","blame":"none","attempts":2,"queue_ms":1.500,)"
            R"("first_token_ms":45.678,"total_ms":1234.567,"tokens_in":512,"tokens_out":128,)"
            R"("key":"team","lane":"normal","bytes_in":2345,"bytes_out":6789})"
            "\n");
}

TEST(AccessLine, what_is_not_known_is_null_and_still_there) {
  const Json line = Json::parse(line_of({}));
  EXPECT_EQ(line.size(), Json::parse(line_of(example())).size());
  EXPECT_TRUE(line.at("first_token_ms").is_null());
  EXPECT_TRUE(line.at("tokens_in").is_null());
  EXPECT_TRUE(line.at("tokens_out").is_null());
  EXPECT_EQ(line.at("model"), "");
}

TEST(AccessLine, outcome_and_blame_have_names) {
  AccessEntry entry = example();
  entry.outcome = Outcome::cut;
  entry.blame = Blame::upstream;
  const Json line = Json::parse(line_of(entry));
  EXPECT_EQ(line.at("outcome"), "cut");
  EXPECT_EQ(line.at("blame"), "upstream");
}

TEST(AccessLine, times_are_milliseconds_to_the_microsecond) {
  struct Case {
    Duration total;
    const char* text;
  };
  for (const Case& c :
       {Case{0ns, R"("total_ms":0.000,)"}, Case{999ns, R"("total_ms":0.000,)"},
        Case{1us, R"("total_ms":0.001,)"}, Case{10us, R"("total_ms":0.010,)"},
        Case{600s, R"("total_ms":600000.000,)"}, Case{-1s, R"("total_ms":0.000,)"}}) {
    AccessEntry entry = example();
    entry.total = c.total;
    EXPECT_NE(line_of(entry).find(c.text), std::string::npos) << line_of(entry);
  }
}

TEST(AccessLine, no_text_breaks_it) {
  const std::vector<std::string> bad = {"a\r\nb",       "\"},{\"id\":\"",     "\\",
                                        "\x1b[2J",      std::string(3, '\0'), "\u2028\u2029\u0085",
                                        "\xFF\xC0\xAF", "cut \xE2\x80",       "\x7f",
                                        "{\"ts\":1}\n{"};
  for (const Text& text : texts) {
    for (const std::string& value : bad) {
      AccessEntry entry = example();
      entry.*text.member = value;
      const std::string line = line_of(entry);
      ASSERT_EQ(line.find('\n'), line.size() - 1);
      for (const char byte : line.substr(0, line.size() - 1))
        ASSERT_GE(static_cast<unsigned char>(byte), 0x20) << text.name;
      for (const std::string_view separator : {"\u2028"sv, "\u2029"sv, "\u0085"sv, "\x7f"sv})
        ASSERT_EQ(line.find(separator), line.npos) << text.name;
      const Json parsed = Json::parse(line, nullptr, false);
      ASSERT_TRUE(parsed.is_object()) << line;
      ASSERT_EQ(parsed.size(), 20U) << line;
      const std::string replaced = Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
      EXPECT_EQ(parsed.at(text.name), Json::parse(replaced)) << line;
      EXPECT_EQ(parsed.at("bytes_out"), 6789) << line;
    }
  }
}

TEST(AccessLine, long_texts_are_cut) {
  for (const char filler : {'x', '\x01', '\xFF'}) {
    const std::string text(10'000, filler);
    AccessEntry entry = example();
    for (const Text& each : texts)
      entry.*each.member = text;
    entry.status = std::numeric_limits<int>::max();
    entry.attempts = std::numeric_limits<unsigned>::max();
    entry.queue = entry.total = Duration::max();
    entry.first_token = Duration::max();
    entry.tokens_in = entry.tokens_out = std::numeric_limits<std::uint64_t>::max();
    entry.bytes_in = entry.bytes_out = std::numeric_limits<std::uint64_t>::max();
    const std::string line = line_of(entry);
    EXPECT_LE(line.size(), access_line_bytes_max);
    EXPECT_EQ(Json::parse(line).size(), 20U);
  }
}

TEST(AccessLine, a_text_of_usual_length_is_whole) {
  const std::string model(1'000, 'm');
  AccessEntry entry = example();
  entry.model = model;
  EXPECT_EQ(Json::parse(line_of(entry)).at("model"), model);
}

// A pipe whose writer does not wait.
class AccessLogTest : public testing::Test {
 protected:
  AccessLogTest() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK), 0); }
  ~AccessLogTest() override {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  [[nodiscard]] int in() const { return ends_[1]; }
  // Instead of the pipe, as systemd's journal has one.
  void use_socket() {
    ::close(ends_[0]);
    ::close(ends_[1]);
    constexpr int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    ASSERT_EQ(::socketpair(AF_UNIX, type, 0, ends_.data()), 0);
  }

  std::vector<Json> read_lines() {
    std::array<char, 4096> piece;
    for (ssize_t got; (got = ::read(ends_[0], piece.data(), piece.size())) > 0;)
      text_.append(piece.data(), static_cast<std::size_t>(got));
    std::vector<Json> lines;
    for (std::size_t end; (end = text_.find('\n')) != text_.npos; text_.erase(0, end + 1)) {
      lines.push_back(Json::parse(text_.substr(0, end), nullptr, false));
      EXPECT_TRUE(lines.back().is_object()) << text_.substr(0, end);
    }
    return lines;
  }

  static void append_numbered(AccessLog& log, std::uint64_t number) {
    AccessEntry entry = example();
    entry.bytes_in = number;
    log.append(entry);
  }

 private:
  std::array<int, 2> ends_{};
  std::string text_;
};

TEST_F(AccessLogTest, writes_when_asked) {
  AccessLog log(in());
  log.append(example());
  log.append(example());
  EXPECT_TRUE(read_lines().empty());
  log.flush();
  EXPECT_EQ(read_lines().size(), 2U);
  log.flush();
  EXPECT_TRUE(read_lines().empty());
}

TEST_F(AccessLogTest, writes_what_is_left_when_destroyed) {
  {
    AccessLog(in()).append(example());
  }
  EXPECT_EQ(read_lines().size(), 1U);
}

TEST_F(AccessLogTest, writes_when_the_buffer_is_full) {
  AccessLog log(in());
  for (int i = 0; i < 250; ++i)
    log.append(example());
  const std::size_t before = read_lines().size();
  EXPECT_GT(before, 0U);
  log.flush();
  EXPECT_EQ(before + read_lines().size(), 250U);
}

TEST_F(AccessLogTest, lines_that_nobody_takes_are_dropped_and_counted) {
  constexpr std::uint64_t total = 2'000;
  AccessLog log(in());
  for (std::uint64_t i = 0; i < total; ++i)
    append_numbered(log, i);
  ASSERT_GT(log.dropped(), 0U);
  const std::uint64_t dropped = log.dropped();

  std::vector<Json> lines = read_lines();
  log.flush();
  append_numbered(log, total);
  while (log.flush(), true) {
    const std::vector<Json> more = read_lines();
    if (more.empty()) break;
    lines.insert(lines.end(), more.begin(), more.end());
  }
  EXPECT_EQ(log.dropped(), 0U);
  // First those that got through, in order and whole; then how many did not; then the new one.
  ASSERT_EQ(lines.size(), total - dropped + 2);
  for (std::uint64_t i = 0; i < total - dropped; ++i)
    EXPECT_EQ(lines[i].at("bytes_in"), i);
  EXPECT_EQ(lines[total - dropped], Json({{"dropped", dropped}}));
  EXPECT_EQ(lines.back().at("bytes_in"), total);
}

// Writes to a pipe or a socket are small enough not to be torn when several loops share it.
TEST_F(AccessLogTest, lines_of_several_logs_do_not_mix) {
  for (const bool socket : {false, true}) {
    if (socket) use_socket();
    AccessLog one(in());
    AccessLog two(in());
    std::size_t lines = 0;
    for (std::uint64_t i = 0; i < 3'000; ++i) {
      append_numbered(i % 2 == 0 ? one : two, i);
      if (i % 400 == 0) lines += read_lines().size();  // every line parses
    }
    EXPECT_GT(lines, 0U);
    one.flush();
    two.flush();
    static_cast<void>(read_lines());
  }
}

TEST_F(AccessLogTest, a_failing_descriptor_costs_lines_only) {
  const int read_only = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    AccessLog log(read_only);
    for (int i = 0; i < 1'000; ++i)
      log.append(example());
    log.flush();
    EXPECT_GT(log.dropped(), 0U);
  }
  ::close(read_only);
}

TEST_F(AccessLogTest, off_is_off) {
  AccessLog log(-1);
  for (int i = 0; i < 1'000; ++i)
    log.append(example());
  log.flush();
  EXPECT_EQ(log.dropped(), 0U);
}

}  // namespace
}  // namespace rocket
