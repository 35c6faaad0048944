#include "schema/embedding_batch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace rocket {
namespace {

using nlohmann::json;

TEST(EmbeddingBatch, reads_what_can_share_a_call) {
  struct Case {
    const char* name;
    const char* body;
    std::optional<std::vector<std::string>> texts;
  };
  const Case cases[] = {
      {"one text", R"({"model":"m","input":"a \"b\""})", {{R"("a \"b\"")"}}},
      {"several", R"({"input":[ "a", "b" ],"model":"m"})", {{R"("a")", R"("b")"}}},
      {"an escaped key", R"({"inpu\u0074":"a"})", {{R"("a")"}}},
      {"no input", R"({"model":"m"})", std::nullopt},
      {"nothing", R"({"input":[]})", std::nullopt},
      {"tokens", R"({"input":[1,2,3]})", std::nullopt},
      {"lists of tokens", R"({"input":[[1],[2]]})", std::nullopt},
      {"a text that is none", R"({"input":["a",null]})", std::nullopt},
      {"an object", R"({"input":{"text":"a"}})", std::nullopt},
      {"more than fit", R"({"input":["a","b","c","d"]})", std::nullopt},
      {"two inputs: which of them counts is the upstream's to say", R"({"input":"a","input":"b"})",
       std::nullopt},
  };
  for (const Case& c : cases) {
    const auto read = read_embedding_input(c.body, 3);
    ASSERT_EQ(read.has_value(), c.texts.has_value()) << c.name;
    if (!read) continue;
    EXPECT_EQ(std::vector<std::string>(read->texts.begin(), read->texts.end()), *c.texts) << c.name;
  }
}

// Views into the bodies.
std::vector<EmbeddingInput> inputs_of(std::vector<std::string>&& bodies) = delete;
std::vector<EmbeddingInput> inputs_of(const std::vector<std::string>& bodies) {
  std::vector<EmbeddingInput> inputs;
  for (const std::string& body : bodies)
    inputs.push_back(read_embedding_input(body, 64).value());
  return inputs;
}

TEST(EmbeddingBatch, only_the_texts_may_differ) {
  const std::vector<std::string> bodies{R"({"model":"m","input":"a","dimensions":8})",
                                        R"({"model":"m","input":["b","c"],"dimensions":8})",
                                        R"({"model":"m","input":"a","dimensions":9})"};
  const auto inputs = inputs_of(bodies);
  EXPECT_EQ(inputs[0].shell, inputs[1].shell);
  EXPECT_NE(inputs[0].shell, inputs[2].shell);
  EXPECT_EQ(join_embedding_inputs(std::span(inputs).first(2)),
            R"({"model":"m","input":["a","b","c"],"dimensions":8})");
}

TEST(EmbeddingBatch, each_gets_its_own_vectors_and_its_share_of_the_tokens) {
  const std::vector<std::string> bodies{R"({"model":"m","input":"aa"})",
                                        R"({"model":"m","input":["b","c"]})",
                                        R"({"model":"m","input":"dddddd"})"};
  const auto inputs = inputs_of(bodies);
  // Out of order, with members of its own, and usage in front.
  const std::string answer =
      R"({"usage":{"prompt_tokens":11,"total_tokens":11,"note":"x"},"object":"list","data":[)"
      R"({"index":3,"object":"embedding","embedding":[3]},{"object":"embedding","embedding":[0],"index":0},)"
      R"({"object":"embedding","index":2,"embedding":[2]},{"object":"embedding","index":1,"embedding":[1]}],)"
      R"("model":"m","id":"e-1"})";
  const auto parts = split_embedding_answer(answer, inputs);
  ASSERT_TRUE(parts.has_value());
  ASSERT_EQ(parts->size(), 3U);
  const std::vector<std::vector<int>> vectors{{0}, {1, 2}, {3}};
  std::int64_t tokens = 0;
  for (size_t i = 0; i < parts->size(); ++i) {
    const json part = json::parse((*parts)[i]);
    EXPECT_EQ(part["model"], "m");
    EXPECT_EQ(part["id"], "e-1");
    EXPECT_EQ(part["usage"]["note"], "x");
    ASSERT_EQ(part["data"].size(), vectors[i].size());
    for (size_t k = 0; k < vectors[i].size(); ++k) {
      EXPECT_EQ(part["data"][k]["index"], k);
      EXPECT_EQ(part["data"][k]["embedding"][0], vectors[i][k]);
    }
    EXPECT_EQ(part["usage"]["prompt_tokens"], part["usage"]["total_tokens"]);
    tokens += part["usage"]["prompt_tokens"].get<std::int64_t>();
  }
  EXPECT_EQ(tokens, 11) << "the shares add up";
  EXPECT_GT(json::parse((*parts)[2])["usage"]["prompt_tokens"],
            json::parse((*parts)[0])["usage"]["prompt_tokens"]);
}

TEST(EmbeddingBatch, an_answer_that_is_not_one_vector_for_each_text_is_refused) {
  const std::vector<std::string> bodies{R"({"model":"m","input":"a"})",
                                        R"({"model":"m","input":"b"})"};
  const auto inputs = inputs_of(bodies);
  const char* const answers[] = {
      "",
      "[]",
      "{}",
      R"({"data":[]})",
      R"({"data":[{"index":0,"embedding":[1]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"embedding":[1]}]})",
      R"({"data":[{"index":0},{"index":1},{"index":2}]})",
      R"({"data":[1,2]})",
      R"({"data":{"index":0}})",
      R"({"data":[{"index":0},{"index":1}])",
  };
  for (const char* answer : answers)
    EXPECT_FALSE(split_embedding_answer(answer, inputs).has_value()) << answer;
}

TEST(EmbeddingBatch, an_answer_without_usage_is_split_all_the_same) {
  const std::vector<std::string> bodies{R"({"model":"m","input":"a"})",
                                        R"({"model":"m","input":"b"})"};
  const auto inputs = inputs_of(bodies);
  const auto parts = split_embedding_answer(
      R"({"data":[{"index":0,"embedding":"AA=="},{"index":1,"embedding":"BB=="}]})", inputs);
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ((*parts)[1], R"({"data":[{"index":0,"embedding":"BB=="}]})");
}

}  // namespace
}  // namespace rocket
