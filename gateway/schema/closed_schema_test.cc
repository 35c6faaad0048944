#include "schema/closed_schema.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(ClosedSchema, SaysOfEachObjectThatThereIsNothingElse) {
  const std::string closed = R"("additionalProperties":false)";
  const struct {
    const char* name;
    std::string schema;
    std::string written;  // empty: as it is
  } cases[] = {
      {"no object", R"({"type":"string","enum":["object"]})", ""},
      {"what is no schema", "true", ""},
      {"closed already", R"({"type":"object",)" + closed + "}", ""},
      {"open on purpose", R"({"type":"object","additionalProperties":{"type":"object"}})", ""},
      {"an object", R"({"type":"object"})", R"({"type":"object",)" + closed + "}"},
      {"one that may be null", R"({"type":["null","object"]})",
       R"({"type":["null","object"],)" + closed + "}"},
      {"one that does not say so", R"({"properties":{}})", R"({"properties":{},)" + closed + "}"},
      {"properties with names of words",
       R"({"type":"object",)" + closed + R"(,"properties":{"type":{"type":"string"},)" +
           R"("properties":{"type":"object"}}})",
       R"({"type":"object",)" + closed + R"(,"properties":{"type":{"type":"string"},)" +
           R"("properties":{"type":"object",)" + closed + "}}}"},
      {"within others",
       R"({"$defs":{"a":{"type":"object"}},"items":{"type":"object"},"anyOf":[{"type":"object"},1]})",
       R"({"$defs":{"a":{"type":"object",)" + closed + R"(}},"items":{"type":"object",)" + closed +
           R"(},"anyOf":[{"type":"object",)" + closed + "},1]}"},
      {"parts of one object",
       R"({"allOf":[{"type":"object","properties":{"a":{}}},{"type":"object"}]})", ""},
      {"what must not be", R"({"not":{"type":"object"}})", ""},
      {"longer than anybody's",
       R"({"type":"object","description":")" + std::string(200'000, 'x') + R"("})", ""},
      {"an example is none", R"({"type":"string","default":{"type":"object"}})", ""},
      {"words that are none",
       R"({"items":7,"anyOf":{"type":"object"},"properties":[],)" + closed + "}", ""},
  };
  for (const auto& one : cases) {
    JsonPieces out;
    const auto schema = parse_json(one.schema);
    ASSERT_TRUE(schema) << one.name;
    const bool changed = write_closed_schema(*schema, out);
    EXPECT_EQ(changed, !one.written.empty()) << one.name;
    EXPECT_EQ(out.joined(), one.written.empty() ? one.schema : one.written) << one.name;
  }
}

}  // namespace
}  // namespace rocket
