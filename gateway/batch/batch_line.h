#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "batch/batch_problem.h"

namespace rocket {

// One line of a batch's file: a request that is to be made.
struct BatchLine {
  std::string custom_id;
  std::string_view body;  // a JSON object, where it stands in the line
};

// Reads {"custom_id", "method", "url", "body"}. The line's `url` has to be `endpoint`, the path
// that its whole batch asks. What the body asks for is for the exchange to judge, but for
// `stream`: nobody listens. A problem has no line number yet.
[[nodiscard]] std::expected<BatchLine, BatchProblem> read_batch_line(std::string_view text,
                                                                     std::string_view endpoint);

// What makes lines worth asking one after another: the same model, whose memory then stays where
// it is, and among these the same beginning of the prompt, which the server has worked through
// already. Equal numbers mean equal ones, but for accidents, which cost nothing but time. Numbers
// of different processes must not be compared.
struct LineKinship {
  std::uint64_t model = 0;
  std::uint64_t prefix = 0;

  bool operator==(const LineKinship&) const = default;
};
// `body` is a valid JSON object.
[[nodiscard]] LineKinship kinship_of(std::string_view body);

}  // namespace rocket
