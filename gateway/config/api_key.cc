#include "config/api_key.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace rocket {

Result<std::string> load_api_key(const BackendConfig& backend, const Environment& environment) {
  if (backend.api_key_env.empty() && backend.api_key_file.empty()) return std::string();
  if (!backend.api_key_env.empty() && !backend.api_key_file.empty()) {
    return fail(ErrorCode::invalid_field, "api_key_env and api_key_file are both given");
  }
  std::string key;
  if (!backend.api_key_env.empty()) {
    std::optional<std::string> value = environment.variable(backend.api_key_env);
    if (!value) return fail(ErrorCode::invalid_field, "the environment variable is not set");
    key = *std::move(value);
  } else {
    Result<std::string> content = environment.file(backend.api_key_file);
    if (!content) return fail(content.error().code, "the file " + content.error().detail);
    key = *std::move(content);
  }
  while (key.ends_with('\n') || key.ends_with('\r'))
    key.pop_back();
  if (key.empty()) return fail(ErrorCode::invalid_field, "the key is empty");
  // It becomes a header's value: a line break in it would be a header of its own.
  if (!std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; })) {
    return fail(ErrorCode::invalid_field,
                "the key holds a space, a line break or a character that is not ASCII");
  }
  return key;
}

}  // namespace rocket
