#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/read_config.h"

// What the tests of the configuration share: a small world, and tables of YAML and its problems.
namespace rocket {

// Some variables, a key file, a keys file, a certificate; nothing of the machine.
inline Environment test_environment() {
  Environment environment;
  environment.variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "VLLM_API_KEY") return "sk-variable";
    if (name == "DATABASE_URL") return "postgresql://rocket:secret@db.example/rocket";
    if (name == "BROKEN_KEY") return "sk-broken\nX-Admin: 1";
    return std::nullopt;
  };
  environment.file = [](const std::string& path) -> Result<std::string> {
    if (path == "ca.pem") return "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    if (path == "key.txt") return "sk-file\n";
    if (path == "keys.yaml") return "[]";
    return fail(ErrorCode::invalid_field, "can not be read: No such file or directory");
  };
  return environment;
}

inline std::vector<std::string> problems_of(std::string_view yaml) {
  std::vector<std::string> lines;
  for (const Problem& problem : read_config(yaml, test_environment()).problems) {
    lines.push_back(format_problem(problem));
  }
  return lines;
}

struct ProblemCase {
  std::string_view yaml;
  std::vector<std::string> problems;
};

inline void expect_problems(std::span<const ProblemCase> cases) {
  for (const ProblemCase& c : cases)
    EXPECT_EQ(problems_of(c.yaml), c.problems) << c.yaml;
}

// For cases that are not about backends: they come behind one that is as it should be.
inline void expect_problems_besides_backend(std::span<const ProblemCase> cases) {
  constexpr std::string_view backend =
      R"(backends: [{name: vllm, kind: vllm, urls: ["http://127.0.0.1:8001"]}])";
  for (const ProblemCase& c : cases) {
    EXPECT_EQ(problems_of(fmt::format("{}\n{}", backend, c.yaml)), c.problems) << c.yaml;
  }
}

// The problems of a backend with `more` settings.
inline std::vector<std::string> problems_of_backend_with(std::string_view more) {
  return problems_of(
      fmt::format(R"(backends: [{{name: a, urls: ["https://a.example"], {}}}])", more));
}

}  // namespace rocket
