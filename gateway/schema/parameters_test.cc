#include "schema/parameters.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

// All of them, each with a value of its own.
Conversation all() {
  Conversation conversation;
  constexpr std::string_view values[parameter_count] = {
      "1",    "0.5",   "0.6",          "7",    "0.8",      "9",     "0.10",
      "0.11", "\"u\"", R"({"a":"b"})", "true", "\"flex\"", "\"k\"", "\"s\""};
  for (size_t i = 0; i < parameter_count; ++i)
    conversation.parameters[i] = values[i];
  return conversation;
}

TEST(Parameters, HaveTheirNamesInEachDialect) {
  const struct {
    ParameterNames names;
    std::string_view written;
    std::string_view loss;
  } cases[] = {
      {{Dialect::chat},
       R"({"max_tokens":1,"temperature":0.5,"top_p":0.6,"top_k":7,"min_p":0.8,"seed":9,)"
       R"("presence_penalty":0.10,"frequency_penalty":0.11,"user":"u","metadata":{"a":"b"},)"
       R"("store":true,"service_tier":"flex","prompt_cache_key":"k","safety_identifier":"s"})",
       ""},
      {{Dialect::chat, false},
       R"({"max_completion_tokens":1,"temperature":0.5,"top_p":0.6,"seed":9,)"
       R"("presence_penalty":0.10,"frequency_penalty":0.11,"user":"u","metadata":{"a":"b"},)"
       R"("store":true,"service_tier":"flex","prompt_cache_key":"k","safety_identifier":"s"})",
       "dropped=top_k,dropped=min_p"},
      {{Dialect::responses},
       R"({"max_output_tokens":1,"temperature":0.5,"top_p":0.6,"user":"u","metadata":{"a":"b"},)"
       R"("store":true,"service_tier":"flex","prompt_cache_key":"k","safety_identifier":"s"})",
       "dropped=top_k,dropped=min_p,dropped=seed,dropped=presence_penalty,"
       "dropped=frequency_penalty"},
      {{Dialect::anthropic},
       R"({"top_k":7})",
       "dropped=min_p,dropped=seed,dropped=presence_penalty,dropped=frequency_penalty,"
       "dropped=metadata,dropped=store,dropped=service_tier,dropped=prompt_cache_key,"
       "dropped=safety_identifier"},
      {{Dialect::ollama},
       R"({"num_predict":1,"temperature":0.5,"top_p":0.6,"top_k":7,"min_p":0.8,"seed":9,)"
       R"("presence_penalty":0.10,"frequency_penalty":0.11})",
       "dropped=user,dropped=metadata,dropped=store,dropped=service_tier,"
       "dropped=prompt_cache_key,dropped=safety_identifier"},
  };
  for (const auto& one : cases) {
    JsonPieces out;
    TranslationLoss loss;
    write_parameters(one.names, all(), out.open('{'), loss);
    EXPECT_EQ(out.close('}').joined(), one.written);
    EXPECT_EQ(loss.to_string(), one.loss);
  }
}

TEST(Parameters, ThatTheServerDoesNotHeedAreLost) {
  constexpr std::string_view unheeded[] = {"logit_bias", "top_k", "min_p"};
  JsonPieces out;
  TranslationLoss loss;
  write_parameters({Dialect::chat, true, unheeded}, all(), out.open('{'), loss);
  const std::string written = out.close('}').joined();
  EXPECT_FALSE(written.contains("top_k") || written.contains("min_p")) << written;
  EXPECT_TRUE(written.contains("max_tokens")) << written;
  EXPECT_EQ(loss.to_string(), "dropped=top_k,dropped=min_p");
}

TEST(Parameters, AreFoundByTheirNames) {
  const auto find = [](Dialect dialect, std::string_view key) {
    return find_parameter(dialect, {.key = key, .value = {JsonKind::number, "1"}});
  };
  EXPECT_EQ(find(Dialect::chat, "max_tokens"), Parameter::max_tokens);
  EXPECT_EQ(find(Dialect::chat, "max_completion_tokens"), Parameter::max_tokens);
  EXPECT_EQ(find(Dialect::responses, "max_output_tokens"), Parameter::max_tokens);
  EXPECT_EQ(find(Dialect::ollama, "num_predict"), Parameter::max_tokens);
  EXPECT_EQ(find(Dialect::anthropic, R"(top\u005fk)"), Parameter::top_k);
  EXPECT_EQ(find(Dialect::anthropic, "seed"), std::nullopt);
  EXPECT_EQ(find(Dialect::chat, ""), std::nullopt);
}

}  // namespace
}  // namespace rocket
