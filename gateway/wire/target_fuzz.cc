#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/target.h"

// A path that was decided on is decided on: it holds nothing that another reader could take for
// another path, and reading it again changes nothing. A host is one to Host and in a URL alike.
namespace {

using namespace rocket;

void check_target(std::string_view input) {
  const auto target = parse_target(input);
  if (!target) {
    ROCKET_ASSERT(target.error().code == ErrorCode::bad_request);
    ROCKET_ASSERT(!target.error().detail.empty());
    return;
  }
  const std::string_view path = target->path;
  ROCKET_ASSERT(path.starts_with('/'));
  ROCKET_ASSERT(path.find_first_of("%\\;?# ") == std::string_view::npos);
  ROCKET_ASSERT(std::ranges::all_of(path, [](char c) { return c > 0x20 && c < 0x7f; }));
  // With a slash behind, the last segment is one like any other.
  const std::string closed = target->path + "/";
  ROCKET_ASSERT(path.find("//") == std::string_view::npos);
  ROCKET_ASSERT(closed.find("/./") == std::string::npos);
  ROCKET_ASSERT(closed.find("/../") == std::string::npos);

  const auto again = parse_target(path);
  ROCKET_ASSERT(again && again->path == path && again->query.empty());
  const auto with_query = parse_target(target->path + "?" + target->query);
  ROCKET_ASSERT(with_query && with_query->path == path && with_query->query == target->query);
}

void check_host(std::string_view input) {
  if (input.find_first_of("/?#") != std::string_view::npos) {
    ROCKET_ASSERT(!host_ok(input));
    return;
  }
  const auto url = parse_target("http://" + std::string(input) + "/x");
  ROCKET_ASSERT(url.has_value() == host_ok(input));
  if (url) ROCKET_ASSERT(url->path == "/x");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_target(input);
  check_host(input);
  return 0;
}
