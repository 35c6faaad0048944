#include "schema/embed_translation.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(EmbedTranslation, AsksForNumbers) {
  const struct {
    const char* name;
    std::string_view body;
    std::string_view written;
    std::string_view loss;
  } cases[] = {
      {"a text", R"({"model":"m","input":"hi"})",
       R"({"model":"up","encoding_format":"float","input":"hi"})", ""},
      {"texts", R"({"model":"m","input":["a","b"],"dimensions":8,"truncate":true})",
       R"({"model":"up","dimensions":8,"encoding_format":"float","input":["a","b"]})", ""},
      {"what has no place",
       R"({"model":"m","input":"a","truncate":false,"options":{"num_ctx":9},)"
       R"("keep_alive":"5m"})",
       R"({"model":"up","encoding_format":"float","input":"a"})",
       "dropped=options,dropped=keep_alive"},
  };
  for (const auto& one : cases) {
    TranslationLoss loss;
    const auto written = write_embeddings_request(one.body, "up", loss);
    ASSERT_TRUE(written) << one.name;
    EXPECT_EQ(written->joined(), one.written) << one.name;
    EXPECT_EQ(loss.to_string(), one.loss) << one.name;
  }
}

TEST(EmbedTranslation, RefusesWhatIsNoInput) {
  TranslationLoss loss;
  for (const std::string_view body : {R"({"model":"m"})", R"({"model":"m","input":7})", "[]", "{"})
    EXPECT_FALSE(write_embeddings_request(body, "up", loss)) << body;
}

TEST(EmbedTranslation, AnswersAsOllamaDoes) {
  const auto written = write_embed_answer(
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},)"
      R"({"index":1,"embedding":[2,3]}],"model":"e","usage":{"prompt_tokens":4}})",
      {.model = "m"});
  ASSERT_TRUE(written);
  EXPECT_EQ(written->joined(),
            R"({"model":"e","embeddings":[[0.5,-1],[2,3]],"prompt_eval_count":4})");
  for (const std::string_view garbage :
       {"{}", "7", R"({"data":[{"embedding":"AAAA","index":0}]})",
        R"({"data":[{"embedding":[1],"index":1}]})", R"({"data":[{}]})"}) {
    EXPECT_FALSE(write_embed_answer(garbage, {})) << garbage;
  }
}

}  // namespace
}  // namespace rocket
