#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "schema/operation.h"

namespace rocket {

// Tokens as the upstream counted them.
struct Usage {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t cached = 0;  // of `in`
};

// What Rocket reads of an unstreamed answer.
struct OpenAiAnswer {
  std::optional<Usage> usage;
  size_t object_end = 0;             // where the closing brace stands
  bool empty = true;                 // no member before it
  bool has_list = false;             // of choices or vectors: without, it answers nothing
  std::optional<std::string> error;  // the message of an `error` member: not an answer at all
  std::string_view marked;           // the value of a `_backend` that another Rocket has put there
};

// upstream_garbage if the text is not a JSON object.
[[nodiscard]] Result<OpenAiAnswer> read_openai_answer(std::string_view text);

// One event of a streamed chat completion or completion.
struct OpenAiEvent {
  enum class Kind : unsigned char {
    lifecycle,  // a role, an empty delta, a comment: nothing a reader would miss
    content,    // something of the answer, or how it ended
    usage,      // usage alone, as asked for with include_usage
    error,
    done,  // [DONE]
  };
  Kind kind = Kind::lifecycle;
  std::optional<Usage> usage;
  std::string error;
  bool ends_only = false;  // with `content`: it says how the answer ended, and nothing besides
  // With `content`: the inside of the string that made it so, if it was one. As long as that is
  // not empty, what it says does not matter to anything else here.
  std::string_view text;
};

// upstream_garbage if `data` is neither [DONE] nor a JSON object.
[[nodiscard]] Result<OpenAiEvent> read_openai_event(Operation operation, std::string_view data);

// The message in an upstream's error body, whatever its shape: OpenAI's, Ollama's, FastAPI's or
// plain text. At most 512 bytes.
[[nodiscard]] std::string read_upstream_error(std::string_view body);

}  // namespace rocket
