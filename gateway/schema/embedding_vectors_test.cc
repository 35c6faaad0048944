#include "schema/embedding_vectors.h"

#include <gtest/gtest.h>

#include "schema/openai_request.h"

namespace rocket {
namespace {

TEST(EmbeddingVectors, BecomeBase64WhereTheyAreLists) {
  const struct {
    const char* name;
    std::string_view answer;
    std::optional<std::string> changed;
  } cases[] = {
      {"one", R"({"data":[{"index":0,"embedding":[1,-2.5]}],"usage":{}})",
       R"({"data":[{"index":0,"embedding":"AACAPwAAIMA="}],"usage":{}})"},
      {"several, and space",
       R"({ "data" : [ {"embedding": [0] , "index":0}, {"embedding":[1e0]} ]})",
       R"({ "data" : [ {"embedding": "AAAAAA==" , "index":0}, {"embedding":"AACAPw=="} ]})"},
      {"of nothing", R"({"data":[{"embedding":[]}]})", R"({"data":[{"embedding":""}]})"},
      {"base64 already", R"({"data":[{"embedding":"AACAPw=="}]})", std::nullopt},
      {"not numbers", R"({"data":[{"embedding":["a"]}]})", std::nullopt},
      {"a number that is no float", R"({"data":[{"embedding":[1,1e300]}]})", std::nullopt},
      {"no vectors", R"({"data":[{"index":0},1]})", std::nullopt},
      {"no list", R"({"data":{"embedding":[1]}})", std::nullopt},
      {"another answer", R"({"choices":[]})", std::nullopt},
  };
  for (const auto& c : cases)
    EXPECT_EQ(vectors_in_base64(c.answer), c.changed) << c.name;
}

TEST(EmbeddingVectors, HowTheyAreWantedIsReadOfTheRequest) {
  const struct {
    const char* body;
    bool base64;
  } cases[] = {
      {R"({"input":"a","encoding_format":"base64"})", true},
      {R"({"input":"a","encoding_format":"float"})", false},
      {R"({"input":"a","encoding_format":null})", false},
      {R"({"input":"a"})", false},
  };
  for (const auto& c : cases) {
    const auto request = read_openai_request(Operation::embeddings, c.body);
    ASSERT_TRUE(request) << c.body;
    EXPECT_EQ(request->base64, c.base64) << c.body;
  }
}

}  // namespace
}  // namespace rocket
