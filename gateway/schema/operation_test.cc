#include "schema/operation.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace rocket {
namespace {

TEST(Operation, HasItsNameAndItsPathUpstream) {
  const struct {
    Operation operation;
    const char* name;
    const char* upstream;
  } cases[] = {
      {Operation::chat_completions, "chat_completions", "/v1/chat/completions"},
      {Operation::completions, "completions", "/v1/completions"},
      {Operation::embeddings, "embeddings", "/v1/embeddings"},
      {Operation::responses, "responses", "/v1/responses"},
      {Operation::response, "response", ""},
      {Operation::models, "models", ""},
      {Operation::model, "model", ""},
      {Operation::health, "health", ""},
      {Operation::livez, "livez", ""},
      {Operation::readyz, "readyz", ""},
      {Operation::serve_health, "serve_health", ""},
      {Operation::none, "none", ""},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(to_string(c.operation), c.name);
    EXPECT_EQ(upstream_path(c.operation), c.upstream) << c.name;
  }
}

TEST(Operation, NoTwoShareANameInMetrics) {
  std::set<std::string_view> names;
  for (unsigned char i = 0; i <= static_cast<unsigned char>(Operation::none); ++i) {
    const auto name = to_string(static_cast<Operation>(i));
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

}  // namespace
}  // namespace rocket
