#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace rocket {

// An embeddings request as one of several that share a call (OpenAI's POST /v1/embeddings).
struct EmbeddingInput {
  // Its texts as they stand in the body, quotes and all: views into it.
  std::vector<std::string_view> texts;
  // The body without them. Requests whose shells are equal ask for the same thing.
  std::string shell;
  size_t gap = 0;  // where in the shell the texts belong
};

// None: it is better asked alone. That is so unless `input` is a string or an array of one to
// `texts_max` strings, and of requests that are not plain. `body` is a valid JSON object.
[[nodiscard]] std::optional<EmbeddingInput> read_embedding_input(std::string_view body,
                                                                 size_t texts_max);

// One body that asks for all of `inputs`, in order. Their shells are equal; there is one at
// least.
[[nodiscard]] std::string join_embedding_inputs(std::span<const EmbeddingInput> inputs);

// The answer to a joined body, as one for each input: its own vectors, numbered from 0, everything
// else as it was, and its share of the tokens. An upstream counts tokens for all inputs together;
// they are shared out by the bytes of the texts, so that the shares add up.
//
// upstream_garbage: the answer does not hold exactly one vector for each text.
[[nodiscard]] Result<std::vector<std::string>> split_embedding_answer(
    std::string_view answer, std::span<const EmbeddingInput> inputs);

}  // namespace rocket
