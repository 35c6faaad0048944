#include "base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace rocket {
namespace {

using namespace std::string_view_literals;
using Json = nlohmann::json;

// A pipe that neither end waits at.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  [[nodiscard]] int in() const { return ends_[1]; }

  std::string read_all() {
    std::string text;
    std::array<char, 4096> piece;
    for (ssize_t got; (got = ::read(ends_[0], piece.data(), piece.size())) > 0;)
      text.append(piece.data(), static_cast<std::size_t>(got));
    return text;
  }

  // Each line as the one object it has to be.
  std::vector<Json> read_lines() {
    std::vector<Json> lines;
    const std::string text = read_all();
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
      lines.push_back(Json::parse(text.substr(begin, end - begin), nullptr, false));
      EXPECT_TRUE(lines.back().is_object()) << text.substr(begin, end - begin);
    }
    EXPECT_EQ(begin, text.size()) << "the last line is cut";
    return lines;
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(Log, a_line_has_ts_level_message_and_fields) {
  Pipe pipe;
  Log log(pipe.in());
  log.warn("a backend is down", {{"backend", "vllm"},
                                 {"attempts", 3},
                                 {"offset", -1L},
                                 {"bytes", std::numeric_limits<std::uint64_t>::max()},
                                 {"share", 0.25},
                                 {"cold", true}});
  const std::string line = pipe.read_all();
  const std::string expected_end =
      R"("level":"warn","message":"a backend is down","backend":"vllm","attempts":3,"offset":-1,)"
      R"("bytes":18446744073709551615,"share":0.25,"cold":true})"
      "\n";
  ASSERT_GT(line.size(), expected_end.size());
  EXPECT_EQ(line.substr(line.size() - expected_end.size()), expected_end);
  const auto ts = Json::parse(line).at("ts").get<std::string>();
  EXPECT_EQ(ts.size(), "2025-11-24T08:43:53.007Z"sv.size());
}

TEST(Log, levels_below_the_least_are_not_written) {
  Pipe pipe;
  Log log(pipe.in(), LogLevel::warn);
  log.debug("1");
  log.info("2");
  log.warn("3");
  log.error("4");
  const std::vector<Json> lines = pipe.read_lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].at("level"), "warn");
  EXPECT_EQ(lines[1].at("level"), "error");
}

TEST(Log, no_text_breaks_a_line) {
  for (const std::string_view text : {"a\r\nb"sv, "\"},{\""sv, "\\"sv, "\x1b[2J"sv, "\0\0"sv,
                                      "\u2028\u2029\u0085"sv, "\xFF\xC0"sv, "\xE2\x80"sv}) {
    Pipe pipe;
    Log log(pipe.in());
    log.info(text, {{"field", text}, {"last", 1}});
    const std::vector<Json> lines = pipe.read_lines();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].size(), 5U);
    EXPECT_EQ(lines[0].at("message"), lines[0].at("field"));
    EXPECT_EQ(lines[0].at("last"), 1);
  }
}

TEST(Log, numbers_that_json_does_not_have_are_null) {
  Pipe pipe;
  Log log(pipe.in());
  log.info("n", {{"nan", std::numeric_limits<double>::quiet_NaN()},
                 {"infinite", std::numeric_limits<double>::infinity()}});
  const std::vector<Json> lines = pipe.read_lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].at("nan").is_null());
  EXPECT_TRUE(lines[0].at("infinite").is_null());
}

TEST(Log, a_long_line_is_cut_to_what_is_written_at_once) {
  const std::string plain(100'000, 'x');
  const std::string escaped(100'000, '\x01');
  Pipe pipe;
  Log log(pipe.in());
  log.info(plain, {{"field", escaped}, {"last", 1}});
  const std::string text = pipe.read_all();
  EXPECT_LE(text.size(), std::size_t{PIPE_BUF});
  const Json line = Json::parse(text);
  EXPECT_FALSE(line.at("message").get<std::string>().empty());
  EXPECT_FALSE(line.at("field").get<std::string>().empty());
  EXPECT_EQ(line.at("last"), 1);
}

TEST(Log, lines_that_nobody_reads_are_dropped_and_counted) {
  Pipe pipe;
  Log log(pipe.in());
  constexpr int total = 2'000;
  for (int i = 0; i < total; ++i)
    log.info(std::string(100, 'x'));
  const std::size_t through = pipe.read_lines().size();
  ASSERT_LT(through, std::size_t{total});
  log.info("after");
  log.info("later");
  const std::vector<Json> lines = pipe.read_lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].at("dropped"), total - through);
  EXPECT_FALSE(lines[1].contains("dropped"));
}

TEST(Log, lines_of_several_threads_do_not_mix) {
  Pipe pipe;
  Log log(pipe.in());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 100; ++i)
        log.info(std::string(50, static_cast<char>('a' + t)));
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  const std::vector<Json> lines = pipe.read_lines();
  ASSERT_EQ(lines.size(), 400U);
  for (const Json& line : lines) {
    const auto message = line.at("message").get<std::string>();
    EXPECT_EQ(message, std::string(50, message.at(0)));
  }
}

TEST(Log, no_descriptor_is_no_log) {
  Log log(-1);
  log.error("to nobody");
}

TEST(OpenLogDescriptor, a_pipe_stays_as_it_is_for_others) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const int own = open_log_descriptor(ends[1]);
  ASSERT_GE(own, 0);
  EXPECT_NE(::fcntl(own, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
  Log log(own);
  for (int i = 0; i < 2'000; ++i)
    log.info(std::string(100, 'x'));  // must not wait: nobody reads
  ::close(own);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(OpenLogDescriptor, a_socket_does_not_wait) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const int own = open_log_descriptor(ends[1]);
  ASSERT_GE(own, 0);
  EXPECT_NE(::fcntl(own, F_GETFL) & O_NONBLOCK, 0);
  ::close(own);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(OpenLogDescriptor, a_file_stays_the_same_open_file) {
  const int file = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  const int own = open_log_descriptor(file);
  ASSERT_GE(own, 0);
  EXPECT_EQ(::write(file, "one\n", 4), 4);
  EXPECT_EQ(::write(own, "two\n", 4), 4);
  EXPECT_EQ(::write(file, "three\n", 6), 6);
  struct stat status{};
  ASSERT_EQ(::fstat(file, &status), 0);
  EXPECT_EQ(status.st_size, 14);
  ::close(own);
  ::close(file);
}

TEST(OpenLogDescriptor, a_closed_descriptor_gives_none) {
  EXPECT_EQ(open_log_descriptor(-1), -1);
}

}  // namespace
}  // namespace rocket
