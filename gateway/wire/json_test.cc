#include "wire/json.h"

#include <gtest/gtest.h>

#include <ctime>

#include <chrono>
#include <limits>
#include <vector>

namespace rocket {
namespace {

using namespace std::string_literals;

TEST(Json, SaysWhereAndWhatWasExpected) {
  struct Case {
    std::string name;
    std::string text;
    std::string detail;
  };
  const Case cases[] = {
      {"empty", "", "line 1, column 1: the body is empty; send a JSON object"},
      {"white space only", " \n ", "line 2, column 2: the body is empty; send a JSON object"},
      {"byte order mark", "\xEF\xBB\xBF{}",
       "line 1, column 1: the text begins with a byte order mark; leave it out"},
      {"not an object", "[1]", "line 1, column 1: expected '{', a JSON object, found '['"},
      {"NUL", "\0"s, "line 1, column 1: expected '{', a JSON object, found a NUL byte"},
      {"control byte", "\x1F",
       "line 1, column 1: expected '{', a JSON object, found the byte 0x1f"},
      {"DEL", "{\x7F", "line 1, column 2: expected a key in double quotes, found the byte 0x7f"},
      {"tab in a string", "{\"\t\":1}",
       "line 1, column 3: expected control characters in a string only as escapes like \\n, found "
       "a tab"},
      {"third line", "{\n  \"a\": 1\n  \"b\": 2}",
       "line 3, column 3: expected ',' or '}' after a member, found '\"'"},
      {"CRLF", "{\r\n\"a\": 1,\r\n x",
       "line 3, column 2: expected a key in double quotes, found 'x'"},
      {"columns are characters", "{\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\":x",
       "line 1, column 8: expected a value (string in double quotes, number, true, false, null, "
       "array or object), found 'x'"},
      {"character found", "{\xC3\xA9",
       "line 1, column 2: expected a key in double quotes, found U+00E9"},
      {"bad UTF-8", "{\"\xC3\xA9\xE9\":1}",
       "line 1, column 4: the byte 0xe9 is not valid UTF-8 here; JSON has to be UTF-8"},
      {"cut UTF-8", "{\"a\":\"\xE2\x82",
       "line 1, column 7: the byte 0xe2 is not valid UTF-8 here; JSON has to be UTF-8"},
      {"no value", "{\"a\":",
       "line 1, column 6: expected a value (string in double quotes, number, true, false, null, "
       "array or object), found the end of the text"},
      {"no colon", "{\"a\" 1}", "line 1, column 6: expected ':' after a key, found '1'"},
      {"trailing comma", "{\"a\":1,}",
       "line 1, column 8: expected a key in double quotes, found '}'"},
      {"nested member", "{\"a\":{\"b\":1 2}}",
       "line 1, column 13: expected ',' or '}' after a member, found '2'"},
      {"nested element", "{\"a\":[1\n2]}",
       "line 2, column 1: expected ',' or ']' after an element, found '2'"},
      {"more text", "{}\n{}", "line 2, column 1: expected nothing after the object, found '{'"},
      {"open string", "{\"a\":\n \"bc\n",
       "line 2, column 5: expected control characters in a string "
       "only as escapes like \\n, found a line break"},
      {"cut string", "{\"a\":\"bc", "line 1, column 6: this string has no closing quote"},
      {"cut escape", "{\"a\":\"bc\\", "line 1, column 6: this string has no closing quote"},
      {"cut unicode escape", "{\"a\":\"\\u12",
       "line 1, column 6: this string has no closing quote"},
      {"unknown escape", R"({"a":"\x"})",
       "line 1, column 8: expected one of \" \\ / b f n r t u after '\\', found 'x'"},
      {"hex digits", R"({"a":"\u12g4"})",
       "line 1, column 11: expected four hex digits after '\\u', found 'g'"},
      {"lone surrogate", R"({"a":"-\ud800"})",
       "line 1, column 8: half of a surrogate pair; it takes both, as in \\ud83d\\ude00"},
      {"leading zero", R"({"a":01})", "line 1, column 6: a number has no leading zeros"},
      {"point", R"({"a":1.})", "line 1, column 8: expected a digit after '.', found '}'"},
      {"minus", R"({"a":-})", "line 1, column 7: expected a digit after '-', found '}'"},
      {"exponent", R"({"a":1e})", "line 1, column 8: expected a digit in the exponent, found '}'"},
      {"literal", R"({"a":trux})", "line 1, column 9: expected the rest of true, found 'x'"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Result<void> result = scan_object(c.text, {}, [](const JsonMember&) {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::invalid_json);
    EXPECT_EQ(result.error().detail, c.detail);
  }
}

TEST(Json, ReportsMembersInOrderWithTheirOffsets) {
  const std::string text =
      " {\"model\" : \"m\\\"x\",\n\"n\":-1.5e3 , \"list\":[1, {\"model\":2}],\"\xC3\xA9\":null,"
      "\"model\":{ }, \"\":true}\n";
  struct Seen {
    std::string_view key;
    JsonKind kind;
    std::string_view value;
  };
  const std::vector<Seen> expected = {
      {"model", JsonKind::string, "\"m\\\"x\""},
      {"n", JsonKind::number, "-1.5e3"},
      {"list", JsonKind::array, "[1, {\"model\":2}]"},
      {"\xC3\xA9", JsonKind::null, "null"},
      {"model", JsonKind::object, "{ }"},
      {"", JsonKind::boolean, "true"},
  };
  size_t count = 0;
  const Result<void> result = scan_object(text, {}, [&](const JsonMember& member) {
    ASSERT_LT(count, expected.size());
    const Seen& seen = expected[count++];
    EXPECT_EQ(member.key, seen.key);
    EXPECT_EQ(member.value.kind, seen.kind);
    EXPECT_EQ(member.value.text, seen.value);
    EXPECT_TRUE(text.substr(member.begin).starts_with("\"" + std::string(seen.key) + "\""));
    EXPECT_EQ(text.substr(member.value_begin, member.value_end - member.value_begin), seen.value);
  });
  EXPECT_TRUE(result);
  EXPECT_EQ(count, expected.size());
}

TEST(Json, ReportsMembersBeforeAFault) {
  size_t count = 0;
  const auto counting = [&](const JsonMember&) { ++count; };
  EXPECT_FALSE(scan_object(R"({"a":1,"b":2,"c":})", {}, counting));
  EXPECT_EQ(count, 2U);
}

TEST(Json, ComparesKeysAndStringsDecoded) {
  const std::string text =
      R"({"mod\u0065l":"\u006dodel","model":"a\/b","stream":"","\ud83d\ude00":"\\"})";
  std::vector<JsonMember> members;
  ASSERT_TRUE(scan_object(text, {}, [&](const JsonMember& m) { members.push_back(m); }));
  ASSERT_EQ(members.size(), 4U);
  EXPECT_TRUE(members[0].key_is("model"));
  EXPECT_FALSE(members[0].key_is("mode"));
  EXPECT_FALSE(members[0].key_is("models"));
  EXPECT_FALSE(members[0].key_is("mod\\u0065l"));
  EXPECT_TRUE(members[0].value.string_is("model"));
  EXPECT_TRUE(members[1].key_is("model"));
  EXPECT_FALSE(members[1].key_is("Model"));
  EXPECT_FALSE(members[1].key_is("stream"));
  EXPECT_FALSE(members[1].key_is(""));
  EXPECT_TRUE(members[1].value.string_is("a/b"));
  EXPECT_TRUE(members[2].value.string_is(""));
  EXPECT_FALSE(members[2].value.string_is("a"));
  EXPECT_TRUE(members[3].key_is("\xF0\x9F\x98\x80"));
  EXPECT_TRUE(members[3].value.string_is("\\"));
  EXPECT_FALSE((JsonValue{JsonKind::number, "1"}.string_is("1")));
}

JsonValue value_of(std::string_view text) {
  const Result<JsonValue> value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value.value_or(JsonValue{});
}

TEST(JsonValue, ReadsIntegers) {
  struct Case {
    std::string_view text;
    std::optional<std::int64_t> value;
  };
  const Case cases[] = {
      {"0", 0},
      {"-0", 0},
      {"42", 42},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
      {"9223372036854775808", std::nullopt},
      {"1.0", 1},
      {"1e3", 1000},
      {"-2.50e1", -25},
      {"1.5", std::nullopt},
      {"9007199254740991.0", 9007199254740991},
      {"9007199254740993.0", std::nullopt},
      {"1e300", std::nullopt},
      {"1e999", std::nullopt},
      {"\"1\"", std::nullopt},
      {"true", std::nullopt},
      {"null", std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(value_of(c.text).as_int(), c.value) << c.text;
  }
}

TEST(JsonValue, ReadsOtherKinds) {
  EXPECT_EQ(value_of(" 0.7 ").as_double(), 0.7);
  EXPECT_EQ(value_of("3").as_double(), 3.0);
  EXPECT_EQ(value_of("1e999").as_double(), std::nullopt);
  EXPECT_EQ(value_of("\"0.7\"").as_double(), std::nullopt);
  EXPECT_EQ(value_of("true").as_bool(), true);
  EXPECT_EQ(value_of("false").as_bool(), false);
  EXPECT_EQ(value_of("1").as_bool(), std::nullopt);
  EXPECT_EQ(value_of(R"("a\tb\u20ac\ud83d\ude00\u0000")").as_string(),
            "a\tb\xE2\x82\xAC\xF0\x9F\x98\x80\0"s);
  EXPECT_EQ(value_of(R"("")").as_string(), "");
  EXPECT_EQ(value_of("[]").as_string(), std::nullopt);
  EXPECT_EQ(value_of(R"("a\n")").raw_string(), "a\\n");
  EXPECT_EQ(value_of("12").raw_string(), "");
  EXPECT_TRUE(value_of("null").is_null());
  EXPECT_FALSE(value_of("0").is_null());
}

TEST(JsonRange, WalksMembersAndElements) {
  std::string seen;
  for (const JsonMember& member : json_members(R"({"a":1, "b":[2,3]})")) {
    seen += std::string(member.key) + "=" + std::string(member.value.text) + ";";
  }
  for (const JsonValue& element : json_elements(R"([1,"x", [ ] ])")) {
    seen += std::string(element.text) + ";";
  }
  EXPECT_EQ(seen, R"(a=1;b=[2,3];1;"x";[ ];)");
}

TEST(JsonRange, GivesNothingOfAnotherKind) {
  for (const char* text : {"", "1", "null", "[{}]", "\"{}\"", "{}"}) {
    EXPECT_TRUE(json_members(text).begin() == std::default_sentinel) << text;
  }
  for (const char* text : {"", "1", "null", "{\"a\":[]}", "[]"}) {
    EXPECT_TRUE(json_elements(text).begin() == std::default_sentinel) << text;
  }
}

TEST(JsonFind, FindsTheFirstOfItsName) {
  const std::string_view text = R"({"a":{"b":0},"\u0062":1,"b":2})";
  const std::optional<JsonValue> found = json_find(text, "b");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->as_int(), 1);
  EXPECT_FALSE(json_find(text, "c"));
  EXPECT_FALSE(json_find("[]", "b"));
}

std::string nested(unsigned depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(JsonLimits, BoundsTheDepth) {
  EXPECT_TRUE(parse_json(nested(128)));
  const Result<JsonValue> deep = parse_json(nested(129));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().detail, "line 1, column 129: nested deeper than 128 levels");

  const auto scan = [](unsigned depth, JsonLimits limits) {
    const std::string value = depth == 1 ? "1" : nested(depth - 1);
    const std::string text = "{\"a\":" + value + "}";
    return scan_object(text, limits, [](const JsonMember&) {}).has_value();
  };
  EXPECT_TRUE(scan(128, {}));
  EXPECT_FALSE(scan(129, {}));
  EXPECT_TRUE(scan(1, {.depth = 1}));
  EXPECT_FALSE(scan(2, {.depth = 1}));
  EXPECT_TRUE(scan(1024, {.depth = 5000}));
  EXPECT_FALSE(scan(1025, {.depth = 5000}));
}

TEST(ScanObject, LimitsHowManyValuesThereAre) {
  const std::pair<std::string_view, size_t> cases[] = {
      {"{}", 0},
      {R"({"a":1})", 1},
      {R"({"a":[]})", 1},
      {R"({"a":["",""]})", 3},
      {R"({"a":{"b":[1,[2]]},"c":null})", 6},
  };
  for (const auto& [text, values] : cases) {
    const auto scan = [&](size_t most) {
      return scan_object(text, {.values = most}, [](const JsonMember&) {});
    };
    EXPECT_TRUE(scan(values)) << text;
    if (values == 0) continue;
    const auto refused = scan(values - 1);
    ASSERT_FALSE(refused) << text;
    EXPECT_TRUE(refused.error().detail.contains("more members and elements")) << text;
  }
}

TEST(JsonValues, CountsAllThereAre) {
  const struct {
    std::string_view text;
    size_t values;
  } cases[] = {{"1", 1},      {R"("a,b")", 1},          {"[]", 1},
               {"[1, 2]", 3}, {R"({"a": [1, {}]})", 4}, {R"([{"a": 1, "b": "x"}, null])", 5}};
  for (const auto& c : cases)
    EXPECT_EQ(json_values(c.text), c.values) << c.text;
}

// Every level's kind is remembered, also beyond the bits of one word.
TEST(JsonLimits, KeepsArraysAndObjectsApartAtEveryDepth) {
  for (unsigned wrong = 0; wrong < 200; ++wrong) {
    std::string open;
    std::string close;
    for (unsigned depth = 0; depth < 200; ++depth) {
      const bool object = depth % 3 == 0;
      open += object ? "{\"a\":" : "[";
      close += object ? '}' : ']';
    }
    std::string text = open + "1" + std::string(close.rbegin(), close.rend());
    EXPECT_TRUE(parse_json(text, {.depth = 200}));
    char& bracket = text[text.size() - 1 - wrong];
    bracket = bracket == '}' ? ']' : '}';
    EXPECT_FALSE(parse_json(text, {.depth = 200})) << wrong;
  }
}

// Bounds that only a quadratic reader misses, even on a slow machine under a sanitizer.
TEST(Json, IsLinear) {
  constexpr size_t mebi = 1U << 20;
  const struct {
    std::string name;
    std::string text;
    bool valid;
  } cases[] = {
      {"a long string", "{\"a\":\"" + std::string(64 * mebi, 'x') + "\"}", true},
      {"a long string left open", "{\"a\":\"" + std::string(64 * mebi, 'x'), false},
      {"100,000 levels", "{\"a\":" + nested(100'000) + "}", false},
      {"quotes", "[" + std::string(4 * mebi, '"'), false},
      {"backslashes", "{\"a\":\"" + std::string(4 * mebi, '\\') + "\"}", true},
      {"white space", std::string(16 * mebi, ' ') + "{}", true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto start = std::clock();
    EXPECT_EQ(scan_object(c.text, {}, [](const JsonMember&) {}).has_value(), c.valid);
    EXPECT_LT(std::clock() - start, 5 * CLOCKS_PER_SEC);
  }
}

}  // namespace
}  // namespace rocket
