#include "wire/json_string.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::string_literals;

TEST(JsonQuoted, EscapesWhatCouldBreakALine) {
  struct Case {
    std::string name;
    std::string text;
    std::string quoted;
  };
  const Case cases[] = {
      {"empty", "", R"("")"},
      {"plain", "hello, world: a/b", R"("hello, world: a/b")"},
      {"quote and backslash", R"(a"b\c)", R"("a\"b\\c")"},
      {"named controls", "\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {"other controls", "\0\x01\x1B\x1F"s, R"("\u0000\u0001\u001b\u001f")"},
      {"DEL", "1234567\x7F", R"("1234567\u007f")"},
      {"DEL in the middle of a word",
       "abc\x7F"
       "defghijk",
       R"("abc\u007fdefghijk")"},
      {"C1 controls", "\xC2\x80\xC2\x85\xC2\x9B\xC2\x9F\xC2\xA0",
       "\"\\u0080\\u0085\\u009b\\u009f\xC2\xA0\""},
      {"line and paragraph separator",
       "a\xE2\x80\xA8"
       "b\xE2\x80\xA9\xE2\x80\xAA",
       "\"a\\u2028b\\u2029\xE2\x80\xAA\""},
      {"UTF-8 as it is", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
       "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
      {"bytes that are not UTF-8",
       "a\x80\xFF"
       "b",
       "\"a\xEF\xBF\xBD\xEF\xBF\xBD"
       "b\""},
      {"cut character is one mistake", "\xF0\x9F\x98\"", "\"\xEF\xBF\xBD\\\"\""},
      {"overlong, byte by byte", "\xC0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"surrogate, byte by byte", "\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"cut at the end", "abcdefgh\xE2", "\"abcdefgh\xEF\xBF\xBD\""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(json_quoted(c.text), c.quoted);
  }
}

TEST(JsonQuoted, AppendsToWhatIsThere) {
  std::string out = "{\"a\":";
  json_append_quoted(out, "b");
  EXPECT_EQ(out, R"({"a":"b")");
}

TEST(JsonKeyFoldsTo, FindsWhatReadersWithoutCaseWouldTakeForTheKey) {
  for (const std::string_view raw : {"MODEL", "Model", "modeL", "\\u004dodel", "m\\u004Fdel",
                                     "\\u004D\\u004F\\u0044\\u0045\\u004C"}) {
    EXPECT_TRUE(json_key_folds_to(raw, "model")) << raw;
  }
  EXPECT_TRUE(json_key_folds_to("\xC5\xBFtream", "stream"));
  EXPECT_TRUE(
      json_key_folds_to("bac\xE2\x84\xAA"
                        "end",
                        "backend"));
  EXPECT_TRUE(json_key_folds_to("bac\\u212aend", "backend"));
  for (const std::string_view raw :
       {"model", "\\u006dodel", "models", "mode", "", "xodel", "MODEM"})
    EXPECT_FALSE(json_key_folds_to(raw, "model")) << raw;
}

TEST(JsonDecoded, RefusesBrokenEscapes) {
  for (const char* raw : {"\\", "a\\", "\\x", "\\u", "\\u12", "\\u12g4", "\\ud800", "\\udc00",
                          "\\ud800\\u0041", "\\ud800\\u"}) {
    EXPECT_FALSE(json_decoded(raw)) << raw;
    EXPECT_FALSE(json_decodes_to(raw, "a")) << raw;
  }
  EXPECT_EQ(json_decoded(R"(\ud83d\ude00)"), "\xF0\x9F\x98\x80");
}

// The wide loop and the one for the rest agree wherever in a word the byte stands.
TEST(JsonStringValid, TakesWhatMayStandBetweenQuotes) {
  const struct {
    std::string raw;
    bool valid;
  } cases[] = {
      {"", true},
      {"plain", true},
      {R"(a\"\u00e9\ud83d\ude00)", true},
      {"12345678\xC3\xA9", true},
      {"\"", false},
      {"12345678\"", false},
      {"\n", false},
      {"\\", false},
      {R"(\x)", false},
      {R"(\u12)", false},
      {R"(\ud83d)", false},
      {R"(\ude00)", false},
      {"\xC3", false},
      {"12345678\xFF", false},
      {"\xED\xA0\x80", false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(json_string_valid(c.raw), c.valid) << c.raw;
}

TEST(JsonPlainEnd, StopsAtEverySpecialByteInEveryPlace) {
  for (size_t place = 0; place < 20; ++place) {
    for (int value = 0; value < 256; ++value) {
      const char byte = static_cast<char>(value);
      for (const char around : {'a', '!', '#', '[', ']', ' ', '\x7F', '\x80', '\xFF', '\xA2'}) {
        std::string text(20, around);
        text[place] = byte;
        const bool special = value < 0x20 || byte == '"' || byte == '\\';
        const char* const end = text.data() + text.size();
        EXPECT_EQ(json_plain_end(text.data(), end), special ? text.data() + place : end)
            << value << " at " << place;
      }
    }
  }
}

}  // namespace
}  // namespace rocket
