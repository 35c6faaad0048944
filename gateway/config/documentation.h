#pragma once

#include <string>

namespace rocket {

// docs/configuration.md: every setting with its type, default and meaning, made from config.h.
[[nodiscard]] std::string documentation_markdown();

}  // namespace rocket
