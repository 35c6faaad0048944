#include "schema/dialect.h"

namespace rocket {

std::string_view to_string(Dialect dialect) {
  switch (dialect) {
    case Dialect::chat: return "chat";
    case Dialect::responses: return "responses";
    case Dialect::anthropic: return "anthropic";
    case Dialect::ollama: return "ollama";
    case Dialect::generate: return "generate";
  }
  return "?";
}

}  // namespace rocket
