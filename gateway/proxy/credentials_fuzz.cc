#include <cstddef>
#include <cstdint>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "proxy/credentials.h"
#include "wire/request_parser.h"

namespace rocket {
namespace {

// A second reading, by the grammar: the keys that the lines show.
std::set<std::string> keys_of(const HeaderList& headers) {
  static const std::regex bearer("bearer +([^ ][^]*)", std::regex::icase);
  std::set<std::string> keys;
  for (const HeaderList::Header& header : headers) {
    const std::string value(header.value);
    std::smatch match;
    if (equals_ignoring_case(header.name, "authorization") &&
        std::regex_match(value, match, bearer)) {
      keys.insert(match[1]);
    } else if (equals_ignoring_case(header.name, "x-api-key") && !value.empty()) {
      keys.insert(value);
    }
  }
  return keys;
}

// One text for all, so that it holds nothing of a key.
std::string detail_of_any() {
  HeaderList headers;
  headers.add("x-api-key", "a");
  headers.add("x-api-key", "b");
  return presented_key(headers).error().detail;
}

void check_credentials(std::string_view lines) {
  RequestParser parser{HttpLimits{}};
  const std::string request = "GET / HTTP/1.1\r\nhost: h\r\n" + std::string(lines) + "\r\n\r\n";
  const auto fed = parser.feed(request);
  if (!fed || parser.state() == RequestParser::State::head) return;
  const HeaderList headers = parser.take_head().headers;
  const auto shown = presented_key(headers);
  const std::set<std::string> keys = keys_of(headers);
  ROCKET_ASSERT(shown.has_value() == (keys.size() < 2));
  if (shown) {
    ROCKET_ASSERT(keys.empty() ? shown->empty() : *shown == *keys.begin());
  } else {
    ROCKET_ASSERT(shown.error().detail == detail_of_any());
  }
}

}  // namespace
}  // namespace rocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, size_t size) {
  // std::regex recurses for each character.
  constexpr size_t bytes_max = 2000;
  if (size <= bytes_max) {
    rocket::check_credentials({reinterpret_cast<const char*>(bytes), size});
  }
  return 0;
}
