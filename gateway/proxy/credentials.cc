#include "proxy/credentials.h"

namespace rocket {
namespace {

// The token of "Bearer TOKEN" (RFC 6750, 2.1; the scheme in any case); empty if it is something
// else.
std::string_view bearer_token(std::string_view value) {
  constexpr std::string_view scheme = "bearer";
  if (!equals_ignoring_case(value.substr(0, scheme.size()), scheme)) return {};
  value.remove_prefix(scheme.size());
  const size_t begin = value.find_first_not_of(' ');
  if (begin == 0 || begin == std::string_view::npos) return {};
  return value.substr(begin);
}

}  // namespace

Result<std::string_view> presented_key(const HeaderList& headers) {
  std::string_view shown;
  for (const HeaderList::Header& header : headers) {
    std::string_view key;
    if (equals_ignoring_case(header.name, "authorization")) {
      key = bearer_token(header.value);
    } else if (equals_ignoring_case(header.name, "x-api-key")) {
      key = header.value;
    }
    if (key.empty()) continue;
    if (!shown.empty() && shown != key) {
      return fail(ErrorCode::bad_request,
                  "the request shows two different API keys; send one, as Authorization: Bearer "
                  "KEY or x-api-key: KEY");
    }
    shown = key;
  }
  return shown;
}

}  // namespace rocket
