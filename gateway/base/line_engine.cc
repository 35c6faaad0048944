#include "base/line_engine.h"

namespace rocket {

std::string_view to_string(LineEngine engine) {
  switch (engine) {
    case LineEngine::local: return "local";
    case LineEngine::ray: return "ray";
  }
  return "local";
}

std::optional<LineEngine> line_engine(std::string_view name) {
  for (const LineEngine one : all_line_engines) {
    if (to_string(one) == name) return one;
  }
  return std::nullopt;
}

}  // namespace rocket
