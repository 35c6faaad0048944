#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace rocket {

// Who asks the lines of a batch.
enum class LineEngine : unsigned char {
  local,  // the gateway that has its lease
  ray,    // gateways of several nodes, each the blocks of lines that a Ray job gives it
};

inline constexpr std::array all_line_engines{LineEngine::local, LineEngine::ray};

// As it stands in the configuration, in a batch and in the store: "ray".
[[nodiscard]] std::string_view to_string(LineEngine engine);
[[nodiscard]] std::optional<LineEngine> line_engine(std::string_view name);

}  // namespace rocket
