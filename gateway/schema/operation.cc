#include "schema/operation.h"

namespace rocket {

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::chat_completions: return "chat_completions";
    case Operation::completions: return "completions";
    case Operation::embeddings: return "embeddings";
    case Operation::responses: return "responses";
    case Operation::response: return "response";
    case Operation::messages: return "messages";
    case Operation::count_tokens: return "count_tokens";
    case Operation::ollama_chat: return "ollama_chat";
    case Operation::ollama_generate: return "ollama_generate";
    case Operation::ollama_embed: return "ollama_embed";
    case Operation::files: return "files";
    case Operation::file: return "file";
    case Operation::batches: return "batches";
    case Operation::batch: return "batch";
    case Operation::batch_prompts: return "batch_prompts";
    case Operation::models: return "models";
    case Operation::model: return "model";
    case Operation::ollama_tags: return "ollama_tags";
    case Operation::ollama_ps: return "ollama_ps";
    case Operation::ollama_show: return "ollama_show";
    case Operation::ollama_version: return "ollama_version";
    case Operation::ollama_management: return "ollama_management";
    case Operation::root: return "root";
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
    case Operation::responses: return "/v1/responses";
    case Operation::messages: return "/v1/messages";
    case Operation::count_tokens: return "/v1/messages/count_tokens";
    case Operation::ollama_chat: return "/api/chat";
    case Operation::ollama_generate: return "/api/generate";
    case Operation::ollama_embed: return "/api/embed";
    default: return {};
  }
}

Dialect dialect_of(Operation operation) {
  switch (operation) {
    case Operation::responses:
    case Operation::response: return Dialect::responses;
    case Operation::messages:
    case Operation::count_tokens: return Dialect::anthropic;
    case Operation::ollama_generate: return Dialect::generate;
    case Operation::ollama_chat:
    case Operation::ollama_embed:
    case Operation::ollama_tags:
    case Operation::ollama_ps:
    case Operation::ollama_show:
    case Operation::ollama_version:
    case Operation::ollama_management: return Dialect::ollama;
    default: return Dialect::chat;
  }
}

bool is_conversation(Operation operation) {
  switch (operation) {
    case Operation::chat_completions:
    case Operation::responses:
    case Operation::messages:
    case Operation::ollama_chat:
    case Operation::ollama_generate: return true;
    default: return false;
  }
}

Lane usual_lane(Operation operation) {
  const bool embeds = operation == Operation::embeddings || operation == Operation::ollama_embed;
  return embeds ? Lane::normal : Lane::interactive;
}

}  // namespace rocket
