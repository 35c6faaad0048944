#pragma once

#include <string_view>

#include "base/lane.h"
#include "schema/dialect.h"

namespace rocket {

// What a client can ask for: one API path. The table in proxy/operations says which path and
// method is which, and who answers it.
enum class Operation : unsigned char {
  chat_completions,
  completions,
  embeddings,
  responses,
  response,  // one that is kept
  messages,
  count_tokens,
  ollama_chat,
  ollama_generate,
  ollama_embed,
  files,
  file,  // one that is kept
  batches,
  batch,
  batch_prompts,
  models,
  model,
  ollama_tags,
  ollama_ps,
  ollama_show,
  ollama_version,
  ollama_management,
  root,
  health,
  livez,
  readyz,
  serve_health,
  // Requests that name no operation of ours.
  none,
};

// As it stands in logs and metrics: "chat_completions".
[[nodiscard]] std::string_view to_string(Operation operation);

// The path behind a backend's base path that does the same: "/v1/chat/completions". Empty for
// operations that Rocket answers itself.
[[nodiscard]] std::string_view upstream_path(Operation operation);

// What its clients speak, and are told errors in: chat for all of OpenAI's but Responses, and for
// ours.
[[nodiscard]] Dialect dialect_of(Operation operation);
// Answers with what a model says, so that it can be asked for in any dialect.
[[nodiscard]] bool is_conversation(Operation operation);

// How urgent it is where nobody says so: people wait for chats.
[[nodiscard]] Lane usual_lane(Operation operation);

}  // namespace rocket
