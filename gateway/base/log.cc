#include "base/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <iterator>

#include "base/json_text.h"
#include "base/timestamp.h"

namespace rocket {
namespace {

// How long a text in a line may be; the next smaller one is tried while the line is too long.
constexpr std::size_t text_bytes_max[] = {PIPE_BUF, 512, 64};

struct ValueWriter {
  std::string& line;
  std::size_t text_bytes;

  void operator()(bool value) const { line += value ? "true" : "false"; }
  void operator()(std::int64_t value) const {
    fmt::format_to(std::back_inserter(line), "{}", value);
  }
  void operator()(std::uint64_t value) const {
    fmt::format_to(std::back_inserter(line), "{}", value);
  }
  void operator()(double value) const {
    // JSON knows neither infinity nor NaN.
    if (std::isfinite(value)) {
      fmt::format_to(std::back_inserter(line), "{}", value);
    } else {
      line += "null";
    }
  }
  void operator()(std::string_view value) const {
    append_json_string(line, value.substr(0, text_bytes));
  }
};

struct Line {
  WallTime time;
  LogLevel level;
  std::string_view message;
  std::uint64_t dropped;
};

std::string format(const Line& line, Log::Fields fields, std::size_t text_bytes) {
  std::string text = R"({"ts":")";
  append_timestamp(text, line.time);
  text += R"(","level":")";
  text += to_string(line.level);
  text += R"(","message":)";
  append_json_string(text, line.message.substr(0, text_bytes));
  for (const LogField& field : fields) {
    text += ',';
    append_json_string(text, field.name);
    text += ':';
    std::visit(ValueWriter{text, text_bytes}, field.value);
  }
  if (line.dropped > 0) fmt::format_to(std::back_inserter(text), R"(,"dropped":{})", line.dropped);
  text += "}\n";
  return text;
}

std::string format_to_fit(const Line& line, Log::Fields fields) {
  for (const std::size_t text_bytes : text_bytes_max) {
    std::string text = format(line, fields, text_bytes);
    if (text.size() <= PIPE_BUF) return text;
  }
  return format(line, {}, text_bytes_max[2]);
}

bool write_line(int fd, const std::string& line) {
  ssize_t written;
  do {
    written = ::write(fd, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  return written == static_cast<ssize_t>(line.size());
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warn: return "warn";
    case LogLevel::error: return "error";
  }
  return "unknown";
}

void Log::write(LogLevel level, std::string_view message, Fields fields) {
  if (fd_ < 0 || level < least_) return;
  const std::uint64_t dropped = dropped_.exchange(0, std::memory_order_relaxed);
  const Line line{std::chrono::system_clock::now(), level, message, dropped};
  if (!write_line(fd_, format_to_fit(line, fields))) {
    dropped_.fetch_add(dropped + 1, std::memory_order_relaxed);
  }
}

void hold_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
      // The lowest number that is free is this one.
      [[maybe_unused]] const int held = ::open("/dev/null", O_RDWR);
    }
  }
}

int open_log_descriptor(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return -1;
  // A file does not keep anybody waiting. It has to stay the same open file, too: of two that
  // were opened, as after `> log 2>&1`, each would write over what the other wrote.
  if (S_ISREG(status.st_mode)) return ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  // O_NONBLOCK belongs to the open file, which the shell and other processes may share with us:
  // so it is set on one of our own.
  const int own = ::open(fmt::format("/proc/self/fd/{}", fd).c_str(),
                         O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (own >= 0) return own;
  // A socket can not be opened again, and a pipe of another user's may not be.
  const int shared = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (shared >= 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))) {
    const int flags = ::fcntl(shared, F_GETFL);
    ::fcntl(shared, F_SETFL, flags | O_NONBLOCK);
  }
  return shared;
}

}  // namespace rocket
