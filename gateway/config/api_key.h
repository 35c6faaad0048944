#pragma once

#include <string>

#include "base/error.h"
#include "config/config.h"
#include "config/environment.h"

namespace rocket {

// The key that a backend is called with; empty if it is configured with none. Keys live outside
// the Config, so that no dump of it can show one. An error's detail never holds any of the key,
// nor the name it was looked up by: that may be a key written in the wrong place.
[[nodiscard]] Result<std::string> load_api_key(const BackendConfig& backend,
                                               const Environment& environment = {});

}  // namespace rocket
