#include "schema/dialect_error.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

constexpr ToldError unknown_model{.status = 404,
                                  .type = "invalid_request_error",
                                  .code = "model_not_found",
                                  .param = "model",
                                  .message = "no \"x\" here",
                                  .request_id = "r1"};

TEST(DialectError, HasTheShapeThatClientsRead) {
  EXPECT_EQ(write_error_body(Dialect::chat, unknown_model),
            R"({"error":{"message":"no \"x\" here","type":"invalid_request_error",)"
            R"("param":"model","code":"model_not_found","request_id":"r1"}})");
  EXPECT_EQ(write_error_body(Dialect::responses, unknown_model),
            write_error_body(Dialect::chat, unknown_model));
  EXPECT_EQ(write_error_body(Dialect::anthropic, unknown_model),
            R"({"type":"error","error":{"type":"not_found_error","message":"no \"x\" here"},)"
            R"("request_id":"r1"})");
  EXPECT_EQ(write_error_body(Dialect::ollama, unknown_model), R"({"error":"no \"x\" here"})");
}

TEST(DialectError, OfAResponseGoesOnCounting) {
  EXPECT_TRUE(write_error_event(Dialect::responses, unknown_model)
                  .starts_with("event: error\ndata: {\"type\":\"error\",\"sequence_number\":0,"));
  EXPECT_TRUE(
      write_error_event(Dialect::responses, unknown_model, 7).contains("\"sequence_number\":7,"));
  EXPECT_FALSE(write_error_event(Dialect::chat, unknown_model, 7).contains("7"));
}

TEST(DialectError, IsKnownByItsShape) {
  constexpr ToldError error{.status = 404, .type = "t", .message = "m"};
  for (const Dialect dialect : {Dialect::chat, Dialect::responses, Dialect::anthropic,
                                Dialect::ollama, Dialect::generate}) {
    EXPECT_TRUE(is_error_body(dialect, write_error_body(dialect, error))) << to_string(dialect);
    for (const char* other : {"{}", "[]", "null", R"({"detail":"Not Found"})", R"({"error":null})",
                              R"({"type":"error"})"}) {
      EXPECT_FALSE(is_error_body(dialect, other)) << to_string(dialect) << other;
    }
  }
  EXPECT_FALSE(is_error_body(Dialect::anthropic, R"({"error":{"message":"m"}})")) << "OpenAI's";
  EXPECT_FALSE(is_error_body(Dialect::chat, R"({"error":"m"})")) << "Ollama's";
}

TEST(DialectError, WhoIsGoneIsNotOverloaded) {
  const struct {
    std::string_view code;
    std::string_view type;
    int told;
  } cases[] = {
      {"connect_refused", "api_error", 503},
      {"connect_failed", "api_error", 503},
      {"no_backend", "overloaded_error", 529},
      {"no_place", "overloaded_error", 529},
      {"upstream_unavailable", "overloaded_error", 529},
      {"upstream_overloaded", "overloaded_error", 529},
  };
  for (const auto& one : cases) {
    const ToldError error{.status = 503, .type = "t", .code = one.code};
    EXPECT_EQ(error_type(Dialect::anthropic, error), one.type) << one.code;
    EXPECT_EQ(error_status(Dialect::anthropic, error), one.told) << one.code;
    EXPECT_EQ(error_status(Dialect::chat, error), 503) << one.code;
  }
}

TEST(DialectError, AnthropicHasATypePerStatus) {
  const struct {
    int status;
    std::string_view type;
    int told;
  } cases[] = {
      {400, "invalid_request_error", 400},
      {401, "authentication_error", 401},
      {402, "billing_error", 402},
      {403, "permission_error", 403},
      {404, "not_found_error", 404},
      {405, "invalid_request_error", 405},
      {413, "request_too_large", 413},
      {429, "rate_limit_error", 429},
      {500, "api_error", 500},
      {502, "api_error", 502},
      {503, "overloaded_error", 529},
      {504, "timeout_error", 504},
  };
  for (const auto& one : cases) {
    const ToldError error{.status = one.status, .type = "t"};
    EXPECT_EQ(error_type(Dialect::anthropic, error), one.type) << one.status;
    EXPECT_EQ(error_status(Dialect::anthropic, error), one.told) << one.status;
    EXPECT_EQ(error_status(Dialect::chat, error), one.status);
    EXPECT_EQ(error_type(Dialect::chat, error), "t");
    EXPECT_EQ(error_type(Dialect::ollama, error), "");
  }
}

}  // namespace
}  // namespace rocket
