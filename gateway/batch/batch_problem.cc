#include "batch/batch_problem.h"

#include "wire/json_string.h"

namespace rocket {

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
