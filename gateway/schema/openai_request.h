#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "schema/attachments.h"
#include "schema/operation.h"
#include "schema/splice.h"

namespace rocket {

// What Rocket reads of a request's body, and where it stands; in the dialects that are not
// OpenAI's the fields have the same names. Everything else in the body is the upstream's business
// and passes byte for byte, or the dialect's reader's.
struct OpenAiRequest {
  // A member of the body's object, as offsets into the body.
  struct Place {
    size_t member_begin = 0;  // the key's opening quote
    size_t value_begin = 0;
    size_t value_end = 0;
    std::optional<size_t> next_member;   // where the following member begins
    std::optional<size_t> previous_end;  // where the preceding member ends
  };

  std::string model;    // empty: not named
  std::string backend;  // empty: not named
  bool stream = false;
  bool usage_asked = false;  // stream_options.include_usage
  bool tools = false;        // `tools` names at least one
  // Of Ollama's: no turn, no prompt, no image; only that the model be loaded or unloaded.
  bool asks_nothing = false;
  // Of OpenAI's chat completions: which tools are to be called, or that one at a time is.
  bool steers_tools = false;
  // Of OpenAI's completions: something that not every server heeds (schema/unheeded).
  bool seldom_heeded = false;
  // Of OpenAI's embeddings: the vectors are wanted in base64.
  bool base64 = false;
  // `n` of OpenAI's completions; what can not be a number of choices is the upstream's to refuse.
  std::uint32_t choices = 1;

  // Of Ollama's, options.num_ctx: the context with which the model is to be loaded; 0: not said.
  std::uint32_t context = 0;
  // `messages`, an `input` that is not for embeddings, or a `prompt` that is one string: where it
  // stands in the body. Else both 0.
  size_t prompt_begin = 0;
  size_t prompt_end = 0;
  Attachments attachments;  // the files that come with it
  // Bytes of what is read with it and stands elsewhere: `system`, `instructions`, `tools`.
  size_t guidance = 0;

  size_t members = 0;
  size_t object_begin = 0;  // behind the opening brace
  std::optional<Place> model_place;
  std::optional<Place> backend_place;
  std::optional<Place> stream_options_place;
  std::optional<size_t> include_usage_begin;  // its value, when it is there but not true
  size_t include_usage_end = 0;
  bool stream_options_empty = true;  // null, absent or {}
};

// Errors: invalid_json with line and column; invalid_field naming the field and what to send.
// A routed field that stands twice is refused: what we checked must be what the upstream reads.
[[nodiscard]] Result<OpenAiRequest> read_openai_request(Operation operation, std::string_view body);

// The edits that make the body what an upstream is sent: `model` set to `upstream_model` (empty:
// left as it is), `backend` taken out, and usage asked for in streams if `ask_usage`.
[[nodiscard]] std::vector<Edit> upstream_edits(const OpenAiRequest& request,
                                               std::string_view upstream_model, bool ask_usage);

}  // namespace rocket
