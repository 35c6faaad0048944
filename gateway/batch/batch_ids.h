#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"

namespace rocket {

// "batch_" and 32 hexadecimal digits.
[[nodiscard]] std::string make_batch_id(Random& random);

// Those that a batch gives are made of its own, so that whoever goes on with it after a crash gives
// the same ones again.
[[nodiscard]] std::string line_request_id(std::string_view batch_id, std::uint32_t line);
// `results`: "answers" or "errors".
[[nodiscard]] std::string result_file_id(std::string_view batch_id, std::string_view results);

}  // namespace rocket
