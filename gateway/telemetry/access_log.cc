#include "telemetry/access_log.h"

#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/json_text.h"

namespace rocket {
namespace {

static_assert(access_line_bytes_max <= PIPE_BUF);

// With every text cut to this, and each of its bytes escaped to six, a line is short enough.
constexpr std::size_t cut_text_bytes = 64;

class LineWriter {
 public:
  LineWriter(std::string& out, std::size_t text_bytes_max)
      : out_(out), text_bytes_max_(text_bytes_max) {}

  // `name` comes with all that stands before the value: `,"name":`.
  void text(std::string_view name, std::string_view value) {
    out_ += name;
    append_json_string(out_, value.substr(0, text_bytes_max_));
  }
  // Of our own words, which need no escapes.
  void word(std::string_view name, std::string_view value) {
    out_ += name;
    out_ += '"';
    out_ += value;
    out_ += '"';
  }
  void number(std::string_view name, std::uint64_t value) {
    out_ += name;
    append_number(value);
  }
  void number(std::string_view name, std::optional<std::uint64_t> value) {
    out_ += name;
    value ? append_number(*value) : append_null();
  }
  // In milliseconds, to the microsecond.
  void milliseconds(std::string_view name, std::optional<Duration> value) {
    out_ += name;
    if (!value) return append_null();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(*value).count();
    const auto counted = static_cast<std::uint64_t>(std::max<std::int64_t>(micros, 0));
    append_number(counted / 1000);
    const auto digit = [fraction = counted % 1000](unsigned place) {
      return static_cast<char>('0' + fraction / place % 10);
    };
    const char decimals[] = {'.', digit(100), digit(10), digit(1)};
    out_.append(decimals, sizeof decimals);
  }

 private:
  void append_number(std::uint64_t value) {
    const fmt::format_int digits(value);
    out_.append(digits.data(), digits.size());
  }
  void append_null() { out_ += "null"; }

  std::string& out_;
  std::size_t text_bytes_max_;
};

void append_line(std::string& out, const AccessEntry& entry, std::size_t text_bytes_max) {
  LineWriter line(out, text_bytes_max);
  out += R"({"ts":")";
  append_timestamp(out, entry.time);
  out += '"';
  line.text(R"(,"id":)", entry.id);
  line.text(R"(,"operation":)", entry.operation);
  line.text(R"(,"route":)", entry.route);
  line.text(R"(,"model":)", entry.model);
  line.text(R"(,"backend":)", entry.backend);
  line.text(R"(,"endpoint":)", entry.endpoint);
  line.number(R"(,"status":)", static_cast<std::uint64_t>(std::max(entry.status, 0)));
  line.word(R"(,"outcome":)", to_string(entry.outcome));
  line.word(R"(,"blame":)", to_string(entry.blame));
  line.number(R"(,"attempts":)", std::uint64_t{entry.attempts});
  line.milliseconds(R"(,"queue_ms":)", entry.queue);
  line.milliseconds(R"(,"first_token_ms":)", entry.first_token);
  line.milliseconds(R"(,"total_ms":)", entry.total);
  line.number(R"(,"tokens_in":)", entry.tokens_in);
  line.number(R"(,"tokens_out":)", entry.tokens_out);
  line.text(R"(,"key":)", entry.key);
  line.text(R"(,"lane":)", entry.lane);
  line.number(R"(,"bytes_in":)", entry.bytes_in);
  line.number(R"(,"bytes_out":)", entry.bytes_out);
  out += "}\n";
}

}  // namespace

void append_access_line(std::string& out, const AccessEntry& entry) {
  const std::size_t begin = out.size();
  append_line(out, entry, access_line_bytes_max);
  if (out.size() - begin <= access_line_bytes_max) return;
  out.resize(begin);
  append_line(out, entry, cut_text_bytes);
}

AccessLog::AccessLog(int fd) : fd_(fd) {
  if (fd_ < 0) return;
  struct stat status{};
  // Of more bytes than that a pipe, or the socket of systemd's journal, may take a part and let
  // another loop's lines in between.
  const bool known = ::fstat(fd_, &status) == 0;
  if (known && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))) write_bytes_max_ = PIPE_BUF;
  buffer_.reserve(buffer_bytes_max);
}

void AccessLog::append(const AccessEntry& entry) {
  if (fd_ < 0) return;
  if (!has_room()) flush();
  if (has_room()) {
    append_access_line(buffer_, entry);
  } else {
    ++dropped_;
  }
}

void AccessLog::flush() {
  if (fd_ < 0) return;
  write_buffer();
  if (dropped_ == 0 || !has_room()) return;
  fmt::format_to(std::back_inserter(buffer_), "{{\"dropped\":{}}}\n", dropped_);
  dropped_ = 0;
  write_buffer();
}

void AccessLog::write_buffer() {
  std::size_t done = 0;
  while (done < buffer_.size()) {
    std::size_t bytes = buffer_.size() - done;
    // No line is longer than the least that is written at once.
    if (bytes > write_bytes_max_) {
      bytes = buffer_.rfind('\n', done + write_bytes_max_ - 1) + 1 - done;
    }
    const ssize_t written = ::write(fd_, buffer_.data() + done, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    done += static_cast<std::size_t>(written);
  }
  // A file that took a part of a line gets the rest of it first.
  buffer_.erase(0, done);
}

}  // namespace rocket
