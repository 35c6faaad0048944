#include "base/json_text.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "base/utf8.h"

namespace rocket {
namespace {

using namespace std::string_view_literals;

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

struct Case {
  const char* name;
  std::string_view text;
  std::string_view expected;
};

class JsonText : public testing::TestWithParam<Case> {};

TEST_P(JsonText, is_quoted) {
  EXPECT_EQ(json_string(GetParam().text), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    cases, JsonText,
    testing::Values(
        Case{"empty", "", R"("")"}, Case{"short_plain", "vllm", R"("vllm")"},
        Case{"eight_bytes", "12345678", R"("12345678")"},
        Case{"longer_plain", "chat_completions ~", R"("chat_completions ~")"},
        Case{"quote", R"(a"b)", R"("a\"b")"}, Case{"backslash", R"(a\b)", R"("a\\b")"},
        Case{"line_breaks", "a\r\nb", R"("a\r\nb")"},
        Case{"named_controls", "\b\f\t", R"("\b\f\t")"},
        Case{"nul_escape_and_vertical_tab", "\0\x1b[2J\v"sv, R"("\u0000\u001b[2J\u000b")"},
        Case{"delete", "\x7f", R"("\u007f")"},
        Case{"c1_controls", "\xC2\x80\xC2\x85\xC2\x9B\xC2\x9F", R"("\u0080\u0085\u009b\u009f")"},
        Case{"behind_c1", "\xC2\xA0", "\"\xC2\xA0\""},
        Case{"line_separators", "\u2028\u2029", R"("\u2028\u2029")"},
        Case{"beside_line_separators", "\u2027\u202A", "\"\u2027\u202A\""},
        Case{"two_three_and_four_bytes", "é€😀", "\"é€😀\""},
        Case{"special_in_the_eighth_byte", "1234567\n9", R"("1234567\n9")"},
        Case{"special_after_high_bytes", "é\n\x01", R"("é\n\u0001")"},
        Case{"lone_continuation", "a\x80z", "\"a\uFFFDz\""},
        Case{"cut_character", "a\xE2\x82", "\"a\uFFFD\""},
        Case{"cut_by_another", "\xE2\x82z", "\"\uFFFDz\""},
        Case{"overlong_slash", "\xC0\xAF", "\"\uFFFD\uFFFD\""},
        Case{"overlong_three", "\xE0\x80\xAF", "\"\uFFFD\uFFFD\uFFFD\""},
        Case{"surrogate", "\xED\xA0\x80", "\"\uFFFD\uFFFD\uFFFD\""},
        Case{"last_before_surrogates", "\xED\x9F\xBF", "\"\xED\x9F\xBF\""},
        Case{"last_code_point", "\xF4\x8F\xBF\xBF", "\"\xF4\x8F\xBF\xBF\""},
        Case{"beyond_the_last", "\xF4\x90\x80\x80", "\"\uFFFD\uFFFD\uFFFD\uFFFD\""},
        Case{"never_a_byte", "\xFF", "\"\uFFFD\""}),
    [](const auto& case_info) { return case_info.param.name; });

// Code points, all of the low ones and a sample of the others, come back from another parser as
// they were.
TEST(JsonText, code_points_round_trip) {
  for (char32_t code_point = 0; code_point <= 0x10FFFF;
       code_point += code_point < 0x3000 ? 1 : 251) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    const std::string escaped =
        code_point < 0x10000
            ? fmt::format("\"\\u{:04x}\"", std::uint32_t{code_point})
            : fmt::format("\"\\u{:04x}\\u{:04x}\"", 0xD7C0 + (std::uint32_t{code_point} >> 10),
                          0xDC00 + (std::uint32_t{code_point} & 0x3FF));
    const auto text = nlohmann::json::parse(escaped).get<std::string>();
    const Utf8Piece piece = first_utf8_piece(text);
    ASSERT_TRUE(piece.valid);
    ASSERT_EQ(piece.code_point, code_point);
    ASSERT_EQ(piece.bytes, text.size());
    ASSERT_EQ(nlohmann::json::parse(json_string(text)).get<std::string>(), text) << escaped;
  }
}

// Random bytes, rich in what is special: always one line that another parser accepts, equal to
// what that parser makes of the bytes when it replaces what is broken.
TEST(JsonText, any_bytes_are_one_valid_line) {
  constexpr std::string_view special = "\"\\\n\r\x1b\x7f\x80\xC2\x85\xE2\x80\xA8\xF0\x9F az\0"sv;
  Random random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::uint64_t left = random.uniform(40); left > 0; --left) {
      text += random.uniform(4) == 0 ? static_cast<char>(random.uniform(256))
                                     : special[random.uniform(special.size())];
    }
    const std::string line = json_string(text);
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(parsed.is_string()) << "round " << round;
    for (const char byte : line) {
      ASSERT_GE(static_cast<unsigned char>(byte), 0x20) << "round " << round;
    }
    const std::string replaced =
        nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    ASSERT_EQ(parsed.get<std::string>(), nlohmann::json::parse(replaced).get<std::string>())
        << "round " << round;
  }
}

}  // namespace
}  // namespace rocket
