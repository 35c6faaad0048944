#include "testing/cassette.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <tuple>

#include "base/assert.h"
#include "wire/response_parser.h"

namespace rocket {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  ROCKET_ASSERT(file.good() && !text.empty());
  return text;
}

void load_folder(const fs::path& folder, std::vector<Cassette>& cassettes) {
  const auto index = nlohmann::json::parse(contents(folder / "index.json"), nullptr, false);
  ROCKET_ASSERT(index.is_object() && index.contains("server") && index.contains("version"));
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".request") continue;
    fs::path answer = entry.path();
    answer.replace_extension(".response");
    cassettes.push_back({.name = entry.path().stem().string(),
                         .server = index["server"].get<std::string>(),
                         .version = index["version"].get<std::string>(),
                         .request = contents(entry.path()),
                         .response = contents(answer)});
  }
}

}  // namespace

Cassette::Kind Cassette::kind() const {
  const RecordedAnswer answer = answer_of(*this);
  if (answer.head.status >= 400) return Kind::refusal;
  if (answer.content_type().starts_with("text/event-stream")) return Kind::stream;
  if (method() == "POST") return Kind::answer;
  constexpr std::array<std::string_view, 3> inventories{"/v1/models", "/api/tags", "/api/ps"};
  return std::ranges::count(inventories, path()) != 0 ? Kind::inventory : Kind::state;
}

std::string Cassette::method() const {
  return request.substr(0, request.find(' '));
}

std::string Cassette::path() const {
  const size_t begin = request.find(' ') + 1;
  return request.substr(begin, request.find(' ', begin) - begin);
}

std::string_view Cassette::request_body() const {
  constexpr std::string_view head_end = "\r\n\r\n";
  const std::string_view whole = request;
  return whole.substr(whole.find(head_end) + head_end.size());
}

std::vector<Cassette> load_cassettes(const fs::path& folder) {
  std::vector<Cassette> cassettes;
  if (!fs::is_directory(folder)) return cassettes;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory()) load_folder(entry.path(), cassettes);
  }
  std::ranges::sort(cassettes, {}, [](const Cassette& cassette) {
    return std::tie(cassette.server, cassette.version, cassette.name);
  });
  return cassettes;
}

std::vector<Cassette> load_cassettes(const fs::path& folder, Cassette::Kind kind) {
  std::vector<Cassette> cassettes = load_cassettes(folder);
  std::erase_if(cassettes, [kind](const Cassette& cassette) { return cassette.kind() != kind; });
  return cassettes;
}

std::string RecordedAnswer::content_type() const {
  return std::string(head.headers.find("content-type").value_or(""));
}

Result<RecordedAnswer> read_recorded(std::span<const std::string_view> pieces) {
  using State = ResponseParser::State;
  ResponseParser parser(HttpLimits{});
  RecordedAnswer answer;
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      if (parser.state() == State::complete) {
        return fail(ErrorCode::upstream_garbage, "bytes behind the answer");
      }
      const auto taken = parser.feed(piece);
      if (!taken) return std::unexpected(taken.error());
      for (const std::string_view part : parser.body())
        answer.body += part;
      piece.remove_prefix(*taken);
    }
  }
  if (parser.state() != State::complete) {
    const auto ended = parser.feed_end();
    if (!ended) return std::unexpected(ended.error());
  }
  answer.head = parser.take_head();
  return answer;
}

RecordedAnswer answer_of(const Cassette& cassette) {
  const std::string_view whole = cassette.response;
  auto answer = read_recorded({&whole, 1});
  ROCKET_ASSERT(answer.has_value());
  return std::move(*answer);
}

void PrintTo(const Cassette& cassette, std::ostream* out) {
  *out << cassette.server << '/' << cassette.name;
}

std::string test_name(const Cassette& cassette) {
  std::string name = cassette.server + '_' + cassette.version + '_' + cassette.name;
  std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

}  // namespace rocket
