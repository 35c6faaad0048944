#pragma once

#include "schema/conversation.h"
#include "schema/json_pieces.h"
#include "schema/translation_loss.h"

namespace rocket {

// Ollama's /api/embed by way of OpenAI's /v1/embeddings, which every backend that embeds has.

// The request for it: body and model must outlive the pieces. Errors: invalid_json with line and
// column; invalid_field naming the field.
[[nodiscard]] Result<JsonPieces> write_embeddings_request(std::string_view body,
                                                          std::string_view upstream_model,
                                                          TranslationLoss& loss);

// Ollama's answer of an OpenAI one that has lists of numbers. `text` must outlive the pieces.
// upstream_garbage if it is no such thing.
[[nodiscard]] Result<JsonPieces> write_embed_answer(std::string_view text,
                                                    const AnswerFrame& frame);

}  // namespace rocket
