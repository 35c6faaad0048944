#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "config/keys_file.h"

namespace rocket {
namespace {

bool one_line(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
}

// Whatever the bytes: a hash has one spelling, a refused file is refused with lines that a log can
// show, and an accepted one takes another key without losing any.
void check_keys(std::string_view text) {
  if (const auto hash = parse_key_hash(text)) {
    ROCKET_ASSERT(parse_key_hash(key_hash_text(*hash)) == hash);
  }
  Problems problems;
  std::vector<KeyConfig> keys = read_keys(text, problems);
  const std::vector<Problem> found = problems.take();
  for (const Problem& problem : found) {
    ROCKET_ASSERT(problem.path.starts_with("keys_file") && !problem.remedy.empty());
    ROCKET_ASSERT(one_line(format_problem(problem)));
  }
  if (!found.empty()) return;
  KeyConfig added;
  added.name = "a-name-that-is-longer-than-any-that-a-file-may-hold-by-some-chance";
  added.hash.fill(0x5a);
  added.models = {"a \"glob\"*", "#", "- {"};
  added.tpm = 1;
  added.name.resize(64);
  for (const KeyConfig& key : keys) {
    if (key.name == added.name || key.hash == added.hash) return;
  }
  keys.push_back(added);
  Problems more;
  ROCKET_ASSERT(read_keys(with_key(text, added), more) == keys);
  ROCKET_ASSERT(more.take().empty());
}

}  // namespace
}  // namespace rocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, size_t size) {
  rocket::check_keys({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
