#include "base/backend_kind.h"

namespace rocket {

std::string_view to_string(BackendKind kind) {
  switch (kind) {
    case BackendKind::openai: return "openai";
    case BackendKind::ollama: return "ollama";
    case BackendKind::vllm: return "vllm";
    case BackendKind::lmstudio: return "lmstudio";
    case BackendKind::anthropic: return "anthropic";
  }
  return "openai";
}

std::optional<BackendKind> backend_kind(std::string_view name) {
  if (name == "lm-studio") return BackendKind::lmstudio;
  for (const BackendKind kind : all_backend_kinds) {
    if (to_string(kind) == name) return kind;
  }
  return std::nullopt;
}

}  // namespace rocket
