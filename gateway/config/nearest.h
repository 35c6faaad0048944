#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rocket {

// The word that was probably meant: at most two slips of the keyboard away (a letter missing, too
// many, wrong, or two swapped), or one begins with the other. Case and '-' for '_' are no slip.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> known);

// A remedy: `did you mean "timeouts"?`, else `known here: backend, model, weight`.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     std::span<const std::string_view> known);

}  // namespace rocket
