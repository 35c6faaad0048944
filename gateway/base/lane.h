#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace rocket {

// How urgent a request is, the most urgent first.
enum class Lane : unsigned char { interactive, normal, batch };

inline constexpr std::array all_lanes{Lane::interactive, Lane::normal, Lane::batch};

// As it stands in the configuration, in logs and in x-rocket-lane: "interactive".
[[nodiscard]] std::string_view to_string(Lane lane);
[[nodiscard]] std::optional<Lane> lane(std::string_view name);

}  // namespace rocket
