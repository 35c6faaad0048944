#include "base/lane.h"

namespace rocket {

std::string_view to_string(Lane lane) {
  switch (lane) {
    case Lane::interactive: return "interactive";
    case Lane::normal: return "normal";
    case Lane::batch: return "batch";
  }
  return "normal";
}

std::optional<Lane> lane(std::string_view name) {
  for (const Lane one : all_lanes) {
    if (to_string(one) == name) return one;
  }
  return std::nullopt;
}

}  // namespace rocket
