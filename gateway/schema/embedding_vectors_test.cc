#include "schema/embedding_vectors.h"

#include <gtest/gtest.h>

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
      {"several, and space", R"({ "data" : [ {"embedding": [0] , "index":0}, {"embedding":[1e0]} ]})",
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

}  // namespace
}  // namespace rocket
