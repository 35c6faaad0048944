#include "schema/chat_settings.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

struct Written {
  std::string text;
  std::string loss;
};

Written format_of(const ResponseFormat& format, const RequestFrame& frame = {}) {
  JsonPieces out;
  TranslationLoss loss;
  write_chat_format(format, frame, out.open('{'), loss);
  return {out.close('}').joined(), loss.to_string()};
}

TEST(ChatSettings, AFormatIsWrittenAsTheServerTakesIt) {
  using Kind = ResponseFormat::Kind;
  const ResponseFormat schema{.kind = Kind::json_schema, .schema = R"({"type":"object"})"};
  const struct {
    const char* name;
    ResponseFormat format;
    RequestFrame frame;
    std::string_view text;
    std::string_view loss;
  } cases[] = {
      {"none", {}, {}, "{}", ""},
      {"text", {.kind = Kind::text}, {}, R"({"response_format":{"type":"text"}})", ""},
      {"any object",
       {.kind = Kind::json_object},
       {},
       R"({"response_format":{"type":"json_object"}})",
       ""},
      {"any object, to who takes schemas alone",
       {.kind = Kind::json_object},
       {.takes_json_object = false},
       R"({"response_format":{"type":"json_schema","json_schema":{"name":"answer",)"
       R"("schema":{"type":"object"}}}})",
       "emulated=response_format"},
      {"a schema",
       schema,
       {.takes_json_object = false},
       R"({"response_format":{"type":"json_schema","json_schema":{"name":"answer",)"
       R"("schema":{"type":"object"}}}})",
       ""},
  };
  for (const auto& c : cases) {
    const Written written = format_of(c.format, c.frame);
    EXPECT_EQ(written.text, c.text) << c.name;
    EXPECT_EQ(written.loss, c.loss) << c.name;
  }
}

TEST(ChatSettings, AnEffortIsOneThatTheServerKnows) {
  JsonPieces out;
  TranslationLoss loss;
  const Reasoning most{.kind = Reasoning::Kind::on, .effort = {"xhigh"}};
  write_chat_reasoning(most, {}, out.open('{'), loss);
  EXPECT_EQ(out.close('}').joined(), R"({"reasoning_effort":"high"})");
  EXPECT_EQ(loss.to_string(), "emulated=thinking");
}

}  // namespace
}  // namespace rocket
