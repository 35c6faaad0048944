#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/problem.h"
#include "config/yaml_tree.h"

namespace rocket {

// A key that no setting has. `path` is the place it stands in, `known` what could stand there.
struct UnknownKey {
  const std::string& path;
  std::string_view key;
  const YamlNode& value;
  std::span<const std::string_view> known;
};

// Says what is wrong with it: an inline secret, a setting of a later version, or a misspelling.
// Never shows the value. Looks for secrets in all that stands below it, too.
void refuse_unknown_key(const UnknownKey& unknown, Problems& problems);

}  // namespace rocket
