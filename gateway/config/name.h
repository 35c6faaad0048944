#pragma once

#include <string_view>

namespace rocket {

// Whether `text` can name a backend or a key: fit for a header, a metric's label and a log.
[[nodiscard]] bool is_name(std::string_view text);

inline constexpr std::string_view name_remedy =
    "take 1 to 64 letters, digits, dots, underscores and hyphens";

}  // namespace rocket
