#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "schema/dialect.h"

namespace rocket {

// What is told of an error. Which status and type an error has is decided in
// proxy/error_response; here are only the shapes in which the dialects tell it.
struct ToldError {
  int status = 500;
  std::string_view type{};   // OpenAI's: "invalid_request_error"
  std::string_view code{};   // ours: "model_not_found"
  std::string_view param{};  // the field at fault; empty: none
  std::string_view message{};
  std::string_view request_id{};
};

// The type by which the dialect's clients know such an error; of OpenAI's it is
// `type` itself, and Ollama has none.
[[nodiscard]] std::string_view error_type(Dialect dialect, const ToldError& error);

// The status to answer with: Anthropic's clients know 529 where others know 503, if it is for
// having too much to do and not for being gone.
[[nodiscard]] int error_status(Dialect dialect, const ToldError& error);

// Whether clients of the dialect can read `body`, which is valid JSON, as an error.
[[nodiscard]] bool is_error_body(Dialect dialect, std::string_view body);

// A whole body.
[[nodiscard]] std::string write_error_body(Dialect dialect, const ToldError& error);

// What ends a stream of the dialect that has not said anything yet, or was not written here;
// `sequence`: how many events it has had, which those of Responses have for a number.
[[nodiscard]] std::string write_error_event(Dialect dialect, const ToldError& error,
                                            std::uint64_t sequence = 0);

}  // namespace rocket
