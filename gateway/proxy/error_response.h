#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "schema/dialect_error.h"
#include "telemetry/outcome.h"

namespace rocket {

// What an ErrorCode means to the outside: the one table that decides it.
struct ErrorMeaning {
  ErrorCode code;
  int status;
  std::string_view type;  // OpenAI's error type
  Blame blame;
  std::string_view message;  // when the error has no detail
};

[[nodiscard]] const ErrorMeaning& meaning_of(ErrorCode code);

// What a client is told of the error, in whatever dialect. Views into `error`, and `request_id`.
[[nodiscard]] ToldError told(const Error& error, std::string_view request_id);

// What has befallen an attempt at that backend, which is named if it is to blame.
[[nodiscard]] Error about_backend(std::string_view backend, const Error& error);

// Whether a text names addresses, URLs or file paths of the network behind us, or holds `secret`
// (empty: none).
[[nodiscard]] bool reveals(std::string_view text, std::string_view secret);

// An upstream's words made fit for a client: one line of at most 512 bytes, without what
// reveals() would find.
[[nodiscard]] std::string scrubbed(std::string_view text, std::string_view secret = {});

}  // namespace rocket
