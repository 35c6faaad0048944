#pragma once

#include <filesystem>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/http_message.h"

namespace rocket {

// One exchange with a real server as it went over the wire, from tests/cassettes; `./dev record`
// makes them.
struct Cassette {
  // What came back, by status and content type.
  enum class Kind : unsigned char {
    inventory,  // the models of a server
    state,      // anything else it says about itself
    answer,     // unstreamed
    stream,
    refusal,
  };

  std::string name;    // what was asked: "chat-stream-usage"
  std::string server;  // "ollama"
  std::string version;
  std::string request;
  std::string response;

  [[nodiscard]] Kind kind() const;
  [[nodiscard]] std::string method() const;
  [[nodiscard]] std::string path() const;
  [[nodiscard]] std::string_view request_body() const;
};

// Every exchange below `folder`, in the same order each time; none if there is no such folder. A
// recording that is not whole is an assertion.
[[nodiscard]] std::vector<Cassette> load_cassettes(const std::filesystem::path& folder);
// Those of one kind.
[[nodiscard]] std::vector<Cassette> load_cassettes(const std::filesystem::path& folder,
                                                   Cassette::Kind kind);

struct RecordedAnswer {
  ResponseHead head;
  std::string body;  // without the framing

  [[nodiscard]] std::string content_type() const;
};

// What ResponseParser makes of an answer that comes in these pieces. upstream_garbage as well for
// bytes that are left over behind it, upstream_closed for one that does not end.
[[nodiscard]] Result<RecordedAnswer> read_recorded(std::span<const std::string_view> pieces);

// The answer of a cassette; an assertion if it can not be read.
[[nodiscard]] RecordedAnswer answer_of(const Cassette& cassette);

// For GoogleTest: "ollama/chat" in messages, and in the names of tests what they may be.
void PrintTo(const Cassette& cassette, std::ostream* out);
[[nodiscard]] std::string test_name(const Cassette& cassette);

}  // namespace rocket
