#include "schema/operation.h"

namespace rocket {

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::chat_completions: return "chat_completions";
    case Operation::completions: return "completions";
    case Operation::embeddings: return "embeddings";
    case Operation::models: return "models";
    case Operation::model: return "model";
    case Operation::health: return "health";
    case Operation::livez: return "livez";
    case Operation::readyz: return "readyz";
    case Operation::serve_health: return "serve_health";
    case Operation::none: return "none";
  }
  return "none";
}

std::string_view upstream_path(Operation operation) {
  switch (operation) {
    case Operation::chat_completions: return "/v1/chat/completions";
    case Operation::completions: return "/v1/completions";
    case Operation::embeddings: return "/v1/embeddings";
    default: return {};
  }
}

Lane usual_lane(Operation operation) {
  return operation == Operation::embeddings ? Lane::normal : Lane::interactive;
}

}  // namespace rocket
