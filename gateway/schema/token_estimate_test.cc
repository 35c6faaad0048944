#include "schema/token_estimate.h"

#include <gtest/gtest.h>

#include <string>

#include "schema/anthropic_reader.h"

namespace rocket {
namespace {

std::int64_t estimate(const std::string& body) {
  const auto conversation = read_anthropic_request(body);
  EXPECT_TRUE(conversation.has_value()) << body;
  return conversation ? estimate_tokens(*conversation) : 0;
}

std::string with_content(const std::string& content, const std::string& more = "") {
  return R"({"model":"m","max_tokens":1,)" + more + R"("messages":[{"role":"user","content":)" +
         content + "}]}";
}

TEST(TokenEstimate, IsNeverNothingAndGrowsWithTheText) {
  const std::int64_t empty = estimate(with_content("\"\""));
  EXPECT_GT(empty, 0);
  EXPECT_EQ(estimate(with_content('"' + std::string(4000, 'a') + '"')), empty + 1000);
}

TEST(TokenEstimate, CountsWhatStandsBesideTheMessages) {
  const std::int64_t plain = estimate(with_content("\"hi\""));
  EXPECT_GT(estimate(with_content("\"hi\"", R"("system":"Be terse and kind to everybody.",)")),
            plain);
  EXPECT_GT(estimate(with_content(
                "\"hi\"", R"("tools":[{"name":"t","description":"d","input_schema":{}}],)")),
            plain);
}

TEST(TokenEstimate, ALimitThatDoesNotFitIsLoweredOrNotNeeded) {
  const struct {
    const char* name;
    const char* limit;
    size_t characters;
    std::int64_t context;
    std::optional<std::int64_t> fits;
  } cases[] = {
      {"it fits", "1000", 100, 2048, std::nullopt},
      {"as much as the context", "2048", 100, 2048, 0},
      {"more than it", "32000", 100, 2048, 0},
      {"more than any prompt of that length leaves", "1900", 3000, 2048, 0},
      {"more than it may leave", "1500", 2984, 2048, 1047},
      {"the prompt may be too long", "100", 9000, 2048, std::nullopt},
      {"nobody tells the context", "32000", 100, 0, std::nullopt},
      {"no number", "\"9\"", 100, 2048, std::nullopt},
  };
  for (const auto& c : cases) {
    const std::string body = R"({"model":"m","max_tokens":)" + std::string(c.limit) +
                             R"(,"messages":[{"role":"user","content":")" +
                             std::string(c.characters, 'a') + R"("}]})";
    const auto conversation = read_anthropic_request(body);
    ASSERT_TRUE(conversation) << c.name;
    EXPECT_EQ(limit_that_fits(*conversation, c.context), c.fits) << c.name;
  }
}

// Its base64 says nothing of what it costs.
TEST(TokenEstimate, AnImageHasAFlatPrice) {
  const auto image = [](size_t bytes) {
    return R"([{"type":"image","source":{"type":"base64","media_type":"image/png","data":")" +
           std::string(bytes, 'A') + R"("}}])";
  };
  EXPECT_EQ(estimate(with_content(image(40))), estimate(with_content(image(40000))));
  EXPECT_GT(estimate(with_content(image(40))), 1000);
}

}  // namespace
}  // namespace rocket
