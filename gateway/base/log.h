#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace rocket {

enum class LogLevel : unsigned char { debug, info, warn, error };

[[nodiscard]] std::string_view to_string(LogLevel level);

// One named value of a log line. Names are ours, never a client's, and none of ts, level,
// message and dropped.
struct LogField {
  using Value = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view>;

  LogField(std::string_view field, bool is) : name(field), value(is) {}
  LogField(std::string_view field, std::signed_integral auto number)
      : name(field), value(std::int64_t{number}) {}
  LogField(std::string_view field, std::unsigned_integral auto number)
      : name(field), value(std::uint64_t{number}) {}
  LogField(std::string_view field, double number) : name(field), value(number) {}
  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const char* text) : LogField(field, std::string_view(text)) {}

  std::string_view name;
  Value value;
};

// What operators are told: JSON lines with ts, level, message and the fields.
//
// No input can break a line. A line is one write(2) of at most PIPE_BUF bytes, so that lines of
// several loops or processes never mix; longer texts are cut. A line that can not be written is
// dropped and counted, and the next line that gets through says so in `dropped`. May be used
// from any thread; takes no lock. Not for the request path: that is what AccessLog is for.
class Log {
 public:
  // `fd` is not owned. Whether a write may wait is up to it: see open_log_descriptor().
  explicit Log(int fd, LogLevel least = LogLevel::info) : fd_(fd), least_(least) {}

  using Fields = std::initializer_list<LogField>;

  void debug(std::string_view message, Fields fields = {}) {
    write(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, Fields fields = {}) {
    write(LogLevel::info, message, fields);
  }
  void warn(std::string_view message, Fields fields = {}) {
    write(LogLevel::warn, message, fields);
  }
  void error(std::string_view message, Fields fields = {}) {
    write(LogLevel::error, message, fields);
  }

 private:
  void write(LogLevel level, std::string_view message, Fields fields);

  int fd_;
  LogLevel least_;
  std::atomic<std::uint64_t> dropped_ = 0;
};

// Stdin, stdout and stderr are /dev/null where whoever started us has closed them. Else the first
// connections would get their numbers, and what is written to them would go to clients. First of
// all, before anything is opened.
void hold_standard_descriptors();

// A new descriptor for what `fd` is, for logs to be written to: a write fails rather than waits
// while nobody reads the pipe, the terminal or the socket behind it. -1 if `fd` is not open.
[[nodiscard]] int open_log_descriptor(int fd);

}  // namespace rocket
