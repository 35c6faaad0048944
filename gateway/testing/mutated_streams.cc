#include "testing/mutated_streams.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "testing/sim_gateway.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

using nlohmann::json;

constexpr const char* upstream_name = "upstream";
constexpr const char* upstream_authority = "upstream:8000";

// What smugglers write.
constexpr std::array<std::string_view, 28> spices{"\r\n",
                                                  "\n",
                                                  "\r",
                                                  std::string_view("\0", 1),
                                                  ":",
                                                  " ",
                                                  "\t",
                                                  ";",
                                                  ",",
                                                  "0\r\n\r\n",
                                                  "\r\n\r\n",
                                                  "Transfer-Encoding: chunked\r\n",
                                                  "Transfer-Encoding: identity\r\n",
                                                  "Transfer-Encoding : chunked\r\n",
                                                  "Transfer-Encoding: xchunked\r\n",
                                                  "Content-Length: 0\r\n",
                                                  "Content-Length: 5\r\n",
                                                  "Content-Length: +7\r\n",
                                                  "Content-Length: 99999999999999999999\r\n",
                                                  "Host: evil\r\n",
                                                  "Connection: close, host\r\n",
                                                  "Expect: 100-continue\r\n",
                                                  "X-Rocket-Backend: upstream\r\n",
                                                  "Authorization: Bearer x\r\n",
                                                  " folded: line\r\n",
                                                  "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
                                                  "HTTP/1.0",
                                                  "0x10\r\n"};

class Mutator {
 public:
  Mutator(std::uint64_t seed, std::string client) : random_(seed), client_(std::move(client)) {}

  MutatedStream make() {
    const std::uint64_t requests = 1 + random_.uniform(3);
    for (std::uint64_t i = 0; i < requests; ++i)
      stream_.bytes += request(i);
    const std::uint64_t damages = random_.uniform(5);
    for (std::uint64_t i = 0; i < damages; ++i)
      damage();
    return std::move(stream_);
  }

 private:
  std::string request(std::uint64_t index) {
    // Letters only, so that the marker survives in the fake's words.
    std::string marker = client_ + "q";
    marker += static_cast<char>('a' + index);
    stream_.markers.push_back(marker);
    const std::string body = json{{"model", "fake-model"},
                                  {"stream", random_.uniform(2) == 0},
                                  {"messages", {{{"role", "user"}, {"content", "hi"}}}},
                                  {"fake", {{"word", marker}, {"tokens", 2}}}}
                                 .dump();
    if (random_.uniform(2) == 0) return sim_post("/v1/chat/completions", body, more_lines());
    std::string bytes = "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n" + more_lines() +
                        "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < body.size();) {
      const size_t size = std::min<size_t>(1 + random_.uniform(60), body.size() - at);
      append_chunk_prefix(bytes, size);
      bytes += body.substr(at, size);
      bytes += chunk_suffix;
      at += size;
    }
    return bytes + std::string(last_chunk);
  }

  std::string more_lines() {
    constexpr std::array<std::string_view, 6> lines{"",
                                                    "X-Custom: yes\r\n",
                                                    "Cookie: a=b\r\n",
                                                    "X-Forwarded-For: 10.0.0.1\r\n",
                                                    "Connection: keep-alive\r\n",
                                                    "Accept-Encoding: gzip\r\n"};
    return std::string(lines[random_.uniform(lines.size())]);
  }

  void damage() {
    std::string& bytes = stream_.bytes;
    const size_t at = random_.uniform(bytes.size());
    switch (random_.uniform(6)) {
      case 0: bytes[at] = static_cast<char>(random_.uniform(256)); break;
      case 1: bytes.erase(at, 1 + random_.uniform(4)); break;
      case 2:
        bytes.insert(at, bytes.substr(random_.uniform(bytes.size()), random_.uniform(40)));
        break;
      case 3: {  // a spice at the start of a line
        const size_t line = bytes.find("\r\n", at);
        bytes.insert(line == std::string::npos ? at : line + 2, spice());
        break;
      }
      case 4: bytes.insert(at, spice()); break;
      default: bytes.resize(at + 1);
    }
    if (bytes.empty()) bytes = "x";
  }

  std::string spice() { return std::string(spices[random_.uniform(spices.size())]); }

  Random random_;
  std::string client_;
  MutatedStream stream_;
};

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Damage may make another operation of one, or give it a query.
bool is_request_line(std::string_view line) {
  constexpr std::string_view end = " HTTP/1.1";
  if (!line.ends_with(end)) return false;
  line.remove_suffix(end.size());
  constexpr std::array<std::string_view, 2> starts{"POST /v1/chat/completions",
                                                   "POST /v1/completions"};
  return std::ranges::any_of(starts, [&](std::string_view start) {
    if (!line.starts_with(start)) return false;
    const std::string_view query = line.substr(start.size());
    return query.empty() || (query.front() == '?' && std::ranges::all_of(query, [](char c) {
                               return c > ' ' && c < 0x7f && c != '#';
                             }));
  });
}

// Finds the first fault of a line; counts those that must be there once.
struct LineCheck {
  std::string_view authority;
  int hosts = 0;
  int lengths = 0;
  std::string length;

  std::string check(std::string_view line) {
    const size_t colon = line.find(": ");
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return "a bad line";
    std::string name = lower(line.substr(0, colon));
    const std::string_view value = line.substr(colon + 2);
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && c != '\t') || byte == 0x7f) return "a control character in " + name;
    }
    constexpr std::array<std::string_view, 10> forbidden{
        "transfer-encoding", "cookie",     "connection", "te",     "upgrade",
        "authorization",     "keep-alive", "x-api-key",  "expect", "accept-encoding"};
    if (std::ranges::find(forbidden, name) != forbidden.end()) return name + " was passed on";
    if (name.starts_with("x-forwarded-") || name.starts_with("x-rocket-")) return name;
    if (name == "host" && (++hosts > 1 || value != authority)) return "a wrong Host";
    if (name == "content-length") {
      if (++lengths > 1) return "two lengths";
      length = value;
    }
    return {};
  }
};

std::string own_words(const std::string& text, const std::vector<std::string>& foreign) {
  for (const std::string& marker : foreign) {
    if (text.contains(marker)) return "an answer holds another client's words: " + marker;
  }
  return {};
}

}  // namespace

MutatedStream mutated_stream(std::uint64_t seed, const std::string& client) {
  return Mutator(seed, client).make();
}

std::string not_canonical(std::string_view raw, std::string_view authority) {
  const size_t head_size = raw.find("\r\n\r\n");
  if (head_size == std::string_view::npos) return "no end of the head";
  std::string_view head = raw.substr(0, head_size);
  const std::string_view body = raw.substr(head_size + 4);
  const size_t first = std::min(head.find("\r\n"), head.size());
  if (!is_request_line(head.substr(0, first))) return "a wrong request line";
  head.remove_prefix(std::min(first + 2, head.size()));
  LineCheck lines{.authority = authority, .length = {}};
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    const std::string fault = lines.check(head.substr(0, end));
    if (!fault.empty()) return fault;
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  if (lines.hosts != 1) return "no Host";
  if (lines.length != std::to_string(body.size())) return "a length that is not the body's";
  const json object = json::parse(body, nullptr, false);
  if (!object.is_object() || !object.contains("messages")) return "a body that is no request";
  return {};
}

std::string try_mutated_streams(std::uint64_t seed, std::uint64_t count) {
  SimGateway gateway(
      seed, {{.name = upstream_name, .endpoints = {FakeScript{}}, .default_model = "fake-model"}});
  gateway.net.link("gateway", 8000).split_reads = true;
  FakeBackend& fake = gateway.fake(upstream_name);
  std::uint64_t delivered = 0;
  for (std::uint64_t i = 0; i < count; i += 2) {
    const MutatedStream one = mutated_stream(seed + i, "one");
    const MutatedStream two = mutated_stream(seed + i + 1, "two");
    const auto first = gateway.send_raw(one.bytes);
    const auto second = gateway.send_raw(two.bytes);
    gateway.loop.run_for(200ms);
    std::string fault = own_words(first->received(), two.markers);
    if (fault.empty()) fault = own_words(second->received(), one.markers);
    for (const RecordedRequest& request : fake.recorder().requests()) {
      if (request.head.starts_with("GET")) continue;  // a probe
      if (!fault.empty()) break;
      delivered += request.complete ? 1 : 0;
      if (request.complete) fault = not_canonical(request.raw, upstream_authority);
    }
    if (fake.counters().malformed != 0) fault = "the upstream could not read what it was sent";
    if (!fault.empty()) return "stream " + std::to_string(seed + i) + ": " + fault;
    fake.recorder().clear();
  }
  // Some damage is harmless and some streams have none: if nothing passes, nothing was tested.
  if (delivered < count / 4) return "only " + std::to_string(delivered) + " were delivered";
  return gateway.leftovers();
}

}  // namespace rocket
