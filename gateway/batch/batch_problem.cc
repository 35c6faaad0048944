#include "batch/batch_problem.h"

#include "wire/json_string.h"

namespace rocket {

std::string shown(std::string_view text) {
  constexpr std::size_t bytes_max = 64;
  if (text.size() <= bytes_max) return std::string(text);
  // Not within a letter.
  std::size_t end = bytes_max;
  while (end != 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  return std::string(text.substr(0, end)) + "...";
}

std::string write_problems(std::span<const BatchProblem> problems) {
  std::string out = "[";
  for (const BatchProblem& problem : problems) {
    if (out.size() > 1) out += ',';
    out += R"({"code":)";
    json_append_quoted(out, problem.code);
    out += R"(,"line":)" + (problem.line ? std::to_string(*problem.line) : "null");
    out += R"(,"message":)";
    json_append_quoted(out, problem.message);
    out += R"(,"param":)" + (problem.param.empty() ? "null" : json_quoted(problem.param)) + "}";
  }
  return out + "]";
}

}  // namespace rocket
