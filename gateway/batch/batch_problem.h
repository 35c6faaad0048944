#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rocket {

// What is wrong with the file of a batch, as OpenAI tells it: an element of the batch's
// `errors.data`.
struct BatchProblem {
  std::string code;  // "duplicate_custom_id"
  std::string message;
  std::string param;                  // the field at fault; empty: none
  std::optional<std::uint32_t> line;  // counted from 1; none: the file as a whole

  bool operator==(const BatchProblem&) const = default;
};

// So much of what a line says of itself as its problem shows: a batch's problems are kept.
[[nodiscard]] std::string shown(std::string_view text);

// A JSON array of {code, line, message, param}, as the store keeps it.
[[nodiscard]] std::string write_problems(std::span<const BatchProblem> problems);

}  // namespace rocket
