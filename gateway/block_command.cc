#include "block_command.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "net/file_descriptor.h"
#include "parent.h"
#include "wire/json.h"
#include "wire/response_parser.h"

namespace rocket {
namespace {

constexpr int exit_done = 0;
constexpr int exit_refused = 1;
constexpr int exit_gone = 3;
// The gateway says something every second.
constexpr int silence_ms = 10'000;
constexpr std::size_t answer_bytes_max = 64 * 1024;

int say(int status, const std::string& what) {
  std::fprintf(stderr, "rocket batch block: %s\n", what.c_str());
  return status;
}

// Whoever has started it knows by that that it lives.
void say_on_stdout(std::string_view word) {
  std::printf("%.*s\n", static_cast<int>(word.size()), word.data());
  std::fflush(stdout);
}

FileDescriptor connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return {};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return {};
  const auto* const to = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), to, sizeof(address)) != 0) return {};
  return socket;
}

std::string request_of(const BlockOptions& options) {
  const std::string body = R"({"driver":)" + std::to_string(options.driver) + R"(,"cluster":)" +
                           json_quoted(options.cluster) + R"(,"from":)" +
                           std::to_string(options.from) + R"(,"to":)" + std::to_string(options.to) +
                           "}";
  return "POST /batches/" + options.batch +
         " HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: "
         "close\r\ncontent-length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// What has come within the time that a living gateway is silent; nothing: it has gone.
std::string_view receive(int socket, std::span<char> into) {
  while (true) {
    pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, silence_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return {};
    const ssize_t got = ::recv(socket, into.data(), into.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    return {into.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }
}

// A member of the last line, if that is whole.
std::optional<JsonValue> last_said(std::string_view lines, std::string_view name) {
  if (!lines.ends_with('\n')) return std::nullopt;
  lines.remove_suffix(1);
  const auto json = parse_json(lines.substr(lines.rfind('\n') + 1));
  return json && json->kind == JsonKind::object ? json_find(json->text, name) : std::nullopt;
}

// Empty: it is not over.
std::string end_of(std::string_view lines) {
  const auto end = last_said(lines, "end");
  return end ? end->as_string().value_or("") : std::string();
}

int conclude(int status, const std::string& said) {
  // Not (yet) a gateway with a configuration, or one that goes or has no store at the moment.
  if (status == 404 && said.contains("path_not_found")) return say(exit_gone, "it is starting");
  if (status >= 500) return say(exit_gone, said);
  if (status != 200) return say(exit_refused, said);
  const std::string end = end_of(said);
  say_on_stdout(end);
  if (end == "done") return exit_done;
  return end == "stopped" || end.empty() ? exit_gone : exit_refused;
}

}  // namespace

int run_block(const BlockOptions& options) {
  if (options.parent && !die_with(*options.parent)) return exit_gone;
  const FileDescriptor socket = connect_to(options.admin);
  if (!socket || !send_all(socket.get(), request_of(options))) {
    return say(exit_gone, options.admin + ": " + std::strerror(errno));
  }
  ResponseParser parser({.header_bytes = 16 * 1024, .headers = 64, .target_bytes = 1024});
  parser.expect(false);
  std::string said;
  std::array<char, 16 * 1024> buffer{};
  while (parser.state() != ResponseParser::State::complete) {
    std::string_view bytes = receive(socket.get(), buffer);
    if (bytes.empty()) return say(exit_gone, "the gateway has gone");
    while (!bytes.empty() && parser.state() != ResponseParser::State::complete) {
      const auto fed = parser.feed(bytes);
      if (!fed) return say(exit_gone, "no answer of a gateway: " + fed.error().detail);
      for (const std::string_view piece : parser.body())
        said += piece;
      bytes.remove_prefix(*fed);
    }
    const bool asked = parser.state() == ResponseParser::State::body;
    if (asked && parser.head().status == 200) {
      say_on_stdout(last_said(said, "waiting") ? "waiting" : "asking");
    }
    // Only the last line matters.
    if (said.size() > answer_bytes_max) said.erase(0, said.size() - answer_bytes_max / 2);
  }
  return conclude(parser.head().status, said);
}

}  // namespace rocket
