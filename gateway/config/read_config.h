#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/environment.h"
#include "config/problem.h"

namespace rocket {

// A configuration and everything that is wrong with it; only to be used if that is nothing.
struct ConfigReading {
  Config config;
  std::vector<Problem> problems;

  [[nodiscard]] bool ok() const { return problems.empty(); }
};

// Reads YAML or JSON, and the keys file that it names, and finds all problems at once. An `order`
// that is not given is filled in. Relative names of files become those below `folder`, which is
// empty or ends in '/'.
[[nodiscard]] ConfigReading read_config(std::string_view yaml_text,
                                        const Environment& environment = {},
                                        const std::string& folder = {});

// A file that can not be read is a problem like the others.
[[nodiscard]] ConfigReading read_config_file(const std::string& path,
                                             const Environment& environment = {});

}  // namespace rocket
