#include "base/backend_kind.h"

namespace rocket {

std::string_view to_string(BackendKind kind) {
  switch (kind) {
    case BackendKind::openai: return "openai";
    case BackendKind::ollama: return "ollama";
    case BackendKind::vllm: return "vllm";
    case BackendKind::lmstudio: return "lmstudio";
  }
  return "openai";
}

}  // namespace rocket
