#include "config/unknown_key.h"

#include <algorithm>
#include <array>

#include "config/nearest.h"

namespace rocket {

namespace {

// Without case, '-' and '_'.
constexpr std::array<std::string_view, 9> secret_keys{
    "apikey",      "xapikey",       "token",    "accesstoken", "authtoken",
    "bearertoken", "authorization", "password", "secret",
};

bool names_secret(std::string_view key) {
  std::string folded;
  for (const char c : key) {
    if (c == '-' || c == '_') continue;
    folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return std::ranges::find(secret_keys, folded) != secret_keys.end();
}

void refuse_secret(std::string path, Problems& problems) {
  problems.add(std::move(path), "an inline secret",
               "put it in a file or an environment variable and name it with api_key_file or "
               "api_key_env");
}

void refuse_secrets_below(const YamlNode& node, const std::string& path, Problems& problems) {
  for (size_t i = 0; i < node.items.size(); ++i) {
    const bool in_map = node.kind == YamlNode::Kind::map;
    const std::string place = in_map ? member_path(path, node.keys[i]) : element_path(path, i);
    if (in_map && names_secret(node.keys[i])) {
      refuse_secret(place, problems);
    } else {
      refuse_secrets_below(node.items[i], place, problems);
    }
  }
}

}  // namespace

void refuse_unknown_key(const UnknownKey& unknown, Problems& problems) {
  const std::string path = member_path(unknown.path, unknown.key);
  if (names_secret(unknown.key)) {
    refuse_secret(path, problems);
    return;
  }
  problems.add(path, "unknown key", suggestion(unknown.key, unknown.known));
  refuse_secrets_below(unknown.value, path, problems);
}

}  // namespace rocket
