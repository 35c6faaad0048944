#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/line_engine.h"

namespace rocket {

// What POST /v1/batches asks for.
struct BatchRequest {
  std::string input_file_id;
  std::string endpoint;
  std::string completion_window;  // as it was written: "24h"
  std::int64_t window_seconds = 0;
  std::string metadata;                   // JSON: an object or null
  std::int64_t output_expires_after = 0;  // seconds; 0: not asked for
  std::optional<LineEngine> engine{};     // not asked for: as the gateway is set
};

// Errors: invalid_json; invalid_field, naming the field and what it takes. OpenAI takes "24h" for a
// window and nothing else; here it may be any time up to 30 days. Nor does it know `engine`.
[[nodiscard]] Result<BatchRequest> read_batch_request(std::string_view body);

}  // namespace rocket
