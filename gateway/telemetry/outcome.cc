#include "telemetry/outcome.h"

namespace rocket {

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok: return "ok";
    case Outcome::error: return "error";
    case Outcome::cancelled: return "cancelled";
    case Outcome::cut: return "cut";
  }
  return "unknown";
}

std::string_view to_string(Blame blame) {
  switch (blame) {
    case Blame::none: return "none";
    case Blame::client: return "client";
    case Blame::gateway: return "gateway";
    case Blame::upstream: return "upstream";
  }
  return "unknown";
}

}  // namespace rocket
