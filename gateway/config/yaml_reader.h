#pragma once

#include "config/config.h"
#include "config/problem.h"
#include "config/yaml_tree.h"

namespace rocket {

// Takes into `config` what the document says; what it does not mention stays as it is. Finds
// unknown and repeated keys, values of the wrong type and inline secrets; whether the values make
// sense together is check()'s business. What can not be read stays at its default, and holds its
// place in a list, so that later problems have the right index.
void read_settings(const YamlNode& document, Config& config, Problems& problems);

// The same for what stands in a keys file. The problems' paths begin with "keys_file".
void read_settings(const YamlNode& document, std::vector<KeyConfig>& keys, Problems& problems);

}  // namespace rocket
