#include "schema/tool_arguments.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/json.h"

namespace rocket {
namespace {

struct Passed {
  std::string object;
  bool mended = false;
};

// Nothing if it was refused. In two pieces, each with an `out` of its own.
std::optional<Passed> pass(std::string_view text, size_t cut) {
  ToolArguments arguments;
  Passed passed;
  for (const std::string_view piece : {text.substr(0, cut), text.substr(cut)}) {
    std::string out;
    if (!arguments.feed(piece, out)) return std::nullopt;
    passed.object += out;
  }
  std::string rest;
  arguments.finish(rest);
  passed.object += rest;
  passed.mended = arguments.mended();
  return passed;
}

TEST(ToolArguments, AreAnObjectInTheEnd) {
  const struct {
    const char* name;
    std::string_view text;
    std::string_view object;
    bool mended;
  } cases[] = {
      {"an object", R"({"a":[1,-2.5e3,true,false,null,{"b":"c"}],"d":{}})",
       R"({"a":[1,-2.5e3,true,false,null,{"b":"c"}],"d":{}})", false},
      {"spaces", " { \"a\" : [ 1 , 2 ] \n, \"b\" : { } } ", R"({"a":[1,2],"b":{}})", false},
      {"escapes", R"({"a\n":"\u00e9\ud83d\ude00\\\"\/"})", R"({"a\n":"\u00e9\ud83d\ude00\\\"\/"})",
       false},
      {"nothing", "", "{}", false},
      {"only space", " \n", "{}", false},
      {"null", "null", "{}", true},
      {"a string", R"("Paris")", R"({"value":"Paris"})", true},
      {"a number", "42", R"({"value":42})", true},
      {"a list", "[1]", R"({"value":[1]})", true},
      {"an object in quotes", R"("{\"a\":1}")", R"({"a":1})", true},
      {"words", "Paris, please", R"({"value":"Paris, please"})", true},
      {"cut behind a brace", "{", "{}", true},
      {"cut in a key", R"({"ab)", R"({"ab":null})", true},
      {"cut behind a key", R"({"ab")", R"({"ab":null})", true},
      {"cut behind a colon", R"({"ab":)", R"({"ab":null})", true},
      {"cut in a string", R"({"a":"b)", R"({"a":"b"})", true},
      {"cut in an escape", R"({"a":"b\)", R"({"a":"b"})", true},
      {"cut in a code", R"({"a":"b\u00)", R"({"a":"b"})", true},
      {"cut in a pair", R"({"a":"b\ud83d)", R"({"a":"b"})", true},
      {"cut inside of a pair", R"({"a":"b\ud83d\ude)", R"({"a":"b"})", true},
      {"cut behind a comma", R"({"a":1,)", R"({"a":1})", true},
      {"cut in a list", R"({"a":[1,)", R"({"a":[1]})", true},
      {"cut in a number", R"({"a":-)", R"({"a":-0})", true},
      {"cut in a fraction", R"({"a":1.)", R"({"a":1.0})", true},
      {"cut in an exponent", R"({"a":1e+)", R"({"a":1e+0})", true},
      {"cut in a literal", R"({"a":[{"b":tr)", R"({"a":[{"b":true}]})", true},
      {"a line break in a string", "{\"a\":\"b\nc\"}", R"({"a":"b\u000ac"})", true},
      {"a bracket too many", R"({"a":1}})", R"({"a":1})", true},
  };
  for (const auto& one : cases) {
    for (size_t cut = 0; cut <= one.text.size(); ++cut) {
      const auto passed = pass(one.text, cut);
      ASSERT_TRUE(passed) << one.name;
      EXPECT_EQ(passed->object, one.object) << one.name << " at " << cut;
      EXPECT_EQ(passed->mended, one.mended) << one.name;
    }
  }
}

TEST(ToolArguments, WhatHasBegunAsAnObjectAndIsNoneIsRefused) {
  for (const std::string_view text :
       {"{a:1}", R"({"a" 1})", R"({"a":1 "b":2})", R"({"a":[1}})", R"({"a":01})", R"({"a":1.e})",
        R"({"a":"\x"})", R"({"a":"\ud83d!"})", R"({"a":"\ude00"})", R"({"a":trie})", R"({,})",
        R"({"a":1,})"}) {
    EXPECT_FALSE(pass(text, 1)) << text;
    // As a whole there is time to see it.
    const MendedArguments mended = mend_arguments(text);
    EXPECT_TRUE(mended.mended) << text;
    EXPECT_TRUE(parse_json(mended.object)) << mended.object;
  }
}

TEST(ToolArguments, HasLimits) {
  ToolArguments arguments;
  std::string out;
  EXPECT_FALSE(arguments.feed("{\"a\":" + std::string(200, '['), out));
  ToolArguments words;
  const auto fed = words.feed(std::string(2U << 20U, 'x'), out);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, ErrorCode::upstream_too_large);
}

// Whatever prefix of an object comes, what is made of it is one.
TEST(ToolArguments, EveryPrefixIsMended) {
  const std::string text =
      R"({"a":[1,-0.5e-7,"x\u00e9\ud83d\ude00\n",true,null,[],{}],"":{"b":"c"}})";
  for (size_t size = 0; size <= text.size(); ++size) {
    const auto passed = pass(std::string_view(text).substr(0, size), size / 2);
    ASSERT_TRUE(passed) << size;
    const auto value = parse_json(passed->object);
    ASSERT_TRUE(value && value->kind == JsonKind::object) << passed->object;
    EXPECT_EQ(nlohmann::json::parse(mend_arguments(text.substr(0, size)).object),
              nlohmann::json::parse(passed->object));
  }
}

TEST(ToolArguments, KnowsWhenItIsWhole) {
  ToolArguments arguments;
  std::string out;
  ASSERT_TRUE(arguments.feed(R"({"a":{)", out));
  EXPECT_FALSE(arguments.whole());
  ASSERT_TRUE(arguments.feed("}}", out));
  EXPECT_TRUE(arguments.whole());
}

}  // namespace
}  // namespace rocket
