#include <gtest/gtest.h>

#include "wire/json.h"

namespace rocket {
namespace {

using namespace std::string_literals;

struct GrammarCase {
  std::string name;
  std::string text;
};

// Whether `text` is JSON, on its own and as the value of a member: two ways through the reader.
void expect_valid(const std::string& text, bool valid) {
  const Result<JsonValue> whole = parse_json(text);
  EXPECT_EQ(whole.has_value(), valid) << (whole ? "" : whole.error().detail);
  const Result<void> member = scan_object("{\"a\":" + text + "}", {}, [](const JsonMember&) {});
  EXPECT_EQ(member.has_value(), valid) << (member ? "" : member.error().detail);
  if (!whole) {
    EXPECT_EQ(whole.error().code, ErrorCode::invalid_json);
  }
}

TEST(JsonGrammar, AcceptsWhatTheGrammarAllows) {
  const GrammarCase cases[] = {
      {"null", "null"},
      {"true", "true"},
      {"false", "false"},
      {"zero", "0"},
      {"minus zero", "-0"},
      {"digits", "1234567890"},
      {"negative", "-17"},
      {"fraction", "0.5"},
      {"long fraction", "-0.000000000000000000000000000000000000000000000000000001"},
      {"exponent", "1e5"},
      {"capital exponent", "1E5"},
      {"exponent with plus", "1e+5"},
      {"exponent with minus", "1.5E-2"},
      {"exponent with leading zeros", "1e005"},
      {"zero with exponent", "0e1"},
      {"beyond doubles", "123e65536"},
      {"beyond 64 bits", "123456789012345678901234567890"},
      {"empty string", R"("")"},
      {"every short escape", R"("\"\\\/\b\f\n\r\t")"},
      {"unicode escape", R"("\u00e9")"},
      {"capital hex", R"("\uABCD\uEF01")"},
      {"escaped NUL", R"("\u0000")"},
      {"surrogate pair", R"("\ud83d\ude00")"},
      {"two surrogate pairs", R"("\uD83D\uDE00\ud83d\ude00")"},
      {"last code point", R"("\udbff\udfff")"},
      {"escaped noncharacter", R"("\uffff")"},
      {"backslash before u", R"("\\u00g0")"},
      {"escape at the end", R"("ab\n")"},
      {"eight characters, then an escape", R"("12345678\n")"},
      {"DEL", "\"\x7F\""},
      {"two bytes of UTF-8", "\"\xC3\xA9\""},
      {"three bytes of UTF-8", "\"\xE2\x82\xAC\""},
      {"four bytes of UTF-8", "\"\xF0\x9F\x98\x80\""},
      {"line separator", "\"\xE2\x80\xA8\""},
      {"noncharacter", "\"\xEF\xBF\xBF\""},
      {"byte order mark inside", "\"\xEF\xBB\xBF\""},
      {"brackets in a string", R"("[{]}")"},
      {"empty array", "[]"},
      {"array with a space", "[ ]"},
      {"array of everything", R"([null, true, false, 1, "a", [], {}])"},
      {"nested arrays", "[[[[]]],[]]"},
      {"empty object", "{}"},
      {"object with a space", "{ }"},
      {"member", R"({"a":1})"},
      {"two members", R"({"a":1,"b":[{}]})"},
      {"empty key", R"({"":0})"},
      {"escaped key", R"({"\u0061":0})"},
      {"duplicate key", R"({"a":1,"a":1})"},
      {"objects in arrays in objects", R"({"a":[{"b":[{"c":{}}]}]})"},
      {"array after object", R"([{},[]])"},
      {"every white space", " \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n"},
      {"white space in an object", "{ \"a\" \n:\t1 \r, \"b\" : 2 }"},
      {"final line break", "[1]\n"},
  };
  for (const GrammarCase& c : cases) {
    SCOPED_TRACE(c.name);
    expect_valid(c.text, true);
  }
}

TEST(JsonGrammar, RefusesWhatTheGrammarDoesNotAllow) {
  const GrammarCase cases[] = {
      {"nothing", ""},
      {"a space", " "},
      {"byte order mark", "\xEF\xBB\xBF"},
      {"byte order mark before a value", "\xEF\xBB\xBF{}"},
      {"NUL", "\0"s},
      {"NUL after a value", "1\0"s},
      {"NUL in a string", "\"a\0b\""s},
      {"plus sign", "+1"},
      {"minus alone", "-"},
      {"two minuses", "--1"},
      {"minus and a word", "-true"},
      {"leading zero", "01"},
      {"leading zero after minus", "-01"},
      {"two zeros", "00"},
      {"no digit before the point", ".5"},
      {"no digit after the point", "1."},
      {"no digit between point and exponent", "1.e5"},
      {"two points", "1.2.3"},
      {"no digit in the exponent", "1e"},
      {"only a sign in the exponent", "1e+"},
      {"two signs in the exponent", "1e+-2"},
      {"two exponents", "1e2e3"},
      {"fraction in the exponent", "1e2.5"},
      {"hexadecimal", "0x10"},
      {"underscore", "1_000"},
      {"letter after a number", "1a"},
      {"NaN", "NaN"},
      {"nan", "nan"},
      {"Infinity", "Infinity"},
      {"negative Infinity", "-Infinity"},
      {"fullwidth digit", "\xEF\xBC\x91"},
      {"capital True", "True"},
      {"None", "None"},
      {"undefined", "undefined"},
      {"half of true", "tru"},
      {"half of false", "fals"},
      {"half of null", "nul"},
      {"true and more", "trueish"},
      {"bare word", "abc"},
      {"single quotes", "'a'"},
      {"no closing quote", "\"a"},
      {"only a quote", "\""},
      {"no opening quote", "a\""},
      {"escaped closing quote", "\"a\\\""},
      {"backslash at the end", "\"a\\"},
      {"unknown escape", R"("\a")"},
      {"capital escape", R"("\N")"},
      {"escaped zero", R"("\0")"},
      {"hex escape", R"("\x41")"},
      {"escaped quote of the other kind", R"("\'")"},
      {"escaped line break", "\"\\\n\""},
      {"escaped two-byte character", "\"\\\xC3\xA9\""},
      {"u without digits", R"("\u")"},
      {"three hex digits", R"("\u123")"},
      {"three hex digits and a letter", R"("\u123g")"},
      {"signed hex digits", R"("\u-123")"},
      {"prefixed hex digits", R"("\u0x41")"},
      {"capital U", R"("\U0041")"},
      {"high surrogate alone", R"("\ud800")"},
      {"high surrogate, then a letter", R"("\ud800a")"},
      {"high surrogate, then a short escape", R"("\ud800\n")"},
      {"high surrogate, then another character", R"("\ud800\u0041")"},
      {"two high surrogates", R"("\ud800\ud800")"},
      {"high surrogate, then half an escape", R"("\ud800\u12")"},
      {"low surrogate alone", R"("\udc00")"},
      {"surrogates in the wrong order", R"("\ude00\ud83d")"},
      {"line break in a string", "\"a\nb\""},
      {"tab in a string", "\"\t\""},
      {"last control character in a string", "\"\x1F\""},
      {"control character after eight others", "\"12345678\x01\""},
      {"lone continuation byte", "\"\x80\""},
      {"byte that begins nothing", "\"\xFF\""},
      {"Latin-1", "\"caf\xE9\""},
      {"overlong slash", "\"\xC0\xAF\""},
      {"overlong in three bytes", "\"\xE0\x80\xAF\""},
      {"overlong in four bytes", "\"\xF0\x80\x80\xAF\""},
      {"UTF-8 surrogate", "\"\xED\xA0\x80\""},
      {"beyond the last code point", "\"\xF4\x90\x80\x80\""},
      {"cut character", "\"\xE2\x82\""},
      {"cut character at the end", "\"\xE2\x82"},
      {"UTF-16", "\xFF\xFE{\0}\0"s},
      {"opening bracket", "["},
      {"closing bracket", "]"},
      {"array without its end", "[1"},
      {"array that ends in a comma", "[1,"},
      {"trailing comma in an array", "[1,]"},
      {"leading comma in an array", "[,1]"},
      {"only a comma", "[,]"},
      {"two commas", "[1,,2]"},
      {"missing comma", "[1 2]"},
      {"colon in an array", "[1:2]"},
      {"array closed as an object", "[1}"},
      {"closed twice", "[1]]"},
      {"inner array left open", "[[1]"},
      {"opening brace", "{"},
      {"object without its end", R"({"a":1)"},
      {"key only", R"({"a")"},
      {"key and colon", R"({"a":)"},
      {"key without value", R"({"a":})"},
      {"key without colon", R"({"a" 1})"},
      {"comma for a colon", R"({"a",1})"},
      {"two colons", R"({"a"::1})"},
      {"bare key", "{a:1}"},
      {"number as a key", "{1:1}"},
      {"null as a key", "{null:1}"},
      {"key in single quotes", "{'a':1}"},
      {"trailing comma in an object", R"({"a":1,})"},
      {"leading comma in an object", R"({,"a":1})"},
      {"missing comma between members", R"({"a":1 "b":2})"},
      {"semicolon", R"({"a":1;"b":2})"},
      {"object closed as an array", R"({"a":1])"},
      {"crossed brackets", R"({"a":[1})"
                           "]"},
      {"control character in a key", "{\"a\n\":1}"},
      {"two values", "1 2"},
      {"value after an object", "{} {}"},
      {"comma after a value", "[1],"},
      {"comment", "[1] // one"},
      {"comment inside", "[/* none */]"},
      {"hash comment", "# none\n1"},
      {"vertical tab as space", "[\v1]"},
      {"form feed as space", "[\f1]"},
      {"no-break space", "[\xC2\xA0]"},
  };
  for (const GrammarCase& c : cases) {
    SCOPED_TRACE(c.name);
    expect_valid(c.text, false);
  }
}

}  // namespace
}  // namespace rocket
