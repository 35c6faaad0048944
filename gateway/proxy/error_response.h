#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
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

// {"error":{"message","type","param","code","request_id"}}
[[nodiscard]] std::string error_body(const Error& error, std::string_view request_id);

// The same as an event of a stream.
[[nodiscard]] std::string error_event(const Error& error, std::string_view request_id);

// Whether a text names addresses, URLs or file paths of the network behind us, or holds `secret`
// (empty: none).
[[nodiscard]] bool reveals(std::string_view text, std::string_view secret);

// An upstream's words made fit for a client: one line of at most 512 bytes, without what
// reveals() would find.
[[nodiscard]] std::string scrubbed(std::string_view text, std::string_view secret = {});

}  // namespace rocket
