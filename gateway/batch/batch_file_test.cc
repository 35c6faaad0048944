#include "batch/batch_file.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket {
namespace {

constexpr const char* chat = "/v1/chat/completions";

std::string line_of(const std::string& id, const std::string& model = "m",
                    const std::string& prompt = "hi") {
  return R"({"custom_id":")" + id + R"(","method":"POST","url":"/v1/chat/completions","body":{)" +
         R"("model":")" + model + R"(","messages":[{"role":"system","content":")" + prompt +
         R"("}]}})";
}

BatchFileCheck check(const std::string& text, BatchFileLimits limits = {},
                     std::size_t piece = std::string::npos) {
  BatchFileCheck checked(chat, limits);
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size()))
    checked.feed(std::string_view(text).substr(at, piece));
  checked.finish();
  return checked;
}

TEST(BatchFile, has_an_index_of_its_lines_however_they_come) {
  const std::string first = line_of("a", "m", "x");
  const std::string second = line_of("b", "n", "x");
  const std::string third = line_of("c", "m", "y");
  const std::string text = first + "\n" + second + "\r\n  \n\n" + third;
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    BatchFileCheck checked = check(text, {}, piece);
    EXPECT_TRUE(checked.problems().empty()) << piece;
    const auto lines = checked.take_lines();
    ASSERT_EQ(lines.size(), 3U) << piece;
    EXPECT_EQ(text.substr(lines[0].offset, lines[0].length), first) << piece;
    EXPECT_EQ(text.substr(lines[1].offset, lines[1].length), second + "\r") << piece;
    EXPECT_EQ(text.substr(lines[2].offset, lines[2].length), third) << piece;
    EXPECT_EQ(lines[0].model, lines[2].model);
    EXPECT_NE(lines[0].model, lines[1].model);
    EXPECT_EQ(lines[0].prefix, lines[1].prefix);
    EXPECT_NE(lines[0].prefix, lines[2].prefix);
  }
}

// Offsets are those of the file, mark and all, since that is what is read again.
TEST(BatchFile, a_byte_order_mark_in_front_belongs_to_no_line) {
  const std::string mark = "\xEF\xBB\xBF";
  const std::string first = line_of("a");
  const std::string second = line_of("b");
  for (const std::string& front : {mark, mark + "\n", mark + "\r\n"}) {
    const std::string text = front + first + "\n" + second;
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      BatchFileCheck checked = check(text, {}, piece);
      EXPECT_TRUE(checked.problems().empty()) << piece;
      const auto lines = checked.take_lines();
      ASSERT_EQ(lines.size(), 2U) << piece;
      EXPECT_EQ(text.substr(lines[0].offset, lines[0].length), first) << piece;
      EXPECT_EQ(text.substr(lines[1].offset, lines[1].length), second) << piece;
    }
  }
}

struct BadFile {
  const char* name;
  std::string text;
  const char* code;
  std::optional<std::uint32_t> line;
};

TEST(BatchFile, every_problem_has_the_number_of_its_line) {
  const std::string good = line_of("good") + "\n";
  const BadFile cases[] = {
      {"empty", "", "empty_file", {}},
      {"only line ends", "\n\n \r\n", "empty_file", {}},
      {"no JSON", good + "{\n", "invalid_json_line", 2},
      {"the same name again", good + "\n" + line_of("other") + "\n" + line_of("good"),
       "duplicate_custom_id", 4},
      {"a byte order mark alone", "\xEF\xBB\xBF", "empty_file", {}},
      {"no JSON behind a byte order mark", "\xEF\xBB\xBF{\n" + good, "invalid_json_line", 1},
      {"two of them", "\xEF\xBB\xBF\xEF\xBB\xBF" + good, "invalid_json_line", 1},
      {"one in front of another line", good + "\xEF\xBB\xBF" + line_of("other"),
       "invalid_json_line", 2},
      {"no JSON without an end", good + "\n\nx", "invalid_json_line", 4},
  };
  for (const BadFile& c : cases) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::string::npos}) {
      const BatchFileCheck checked = check(c.text, {}, piece);
      ASSERT_EQ(checked.problems().size(), 1U) << c.name;
      EXPECT_EQ(checked.problems()[0].code, c.code) << c.name;
      EXPECT_EQ(checked.problems()[0].line, c.line) << c.name;
    }
  }
}

TEST(BatchFile, all_problems_are_told_up_to_a_bound) {
  std::string text;
  for (int i = 0; i < 10; ++i)
    text += "x\n";
  EXPECT_EQ(check(text).problems().size(), 10U);
  BatchFileCheck checked("/v1/chat/completions", {.problems = 3});
  checked.feed(text);
  EXPECT_TRUE(checked.hopeless());
  checked.finish();
  EXPECT_EQ(checked.problems().size(), 3U);
  EXPECT_EQ(checked.problems()[2].line, 3U);
}

TEST(BatchFile, has_so_many_lines_at_most) {
  const std::string two = line_of("a") + "\n" + line_of("b");
  EXPECT_TRUE(check(two, {.lines = 2}).problems().empty());
  const BatchFileCheck checked = check(two + "\n" + line_of("c"), {.lines = 2});
  ASSERT_EQ(checked.problems().size(), 1U);
  EXPECT_EQ(checked.problems()[0].code, "too_many_requests");
  EXPECT_EQ(checked.problems()[0].line, std::nullopt);
}

TEST(BatchFile, a_line_is_so_long_at_most) {
  const std::string line = line_of("a");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{50}, std::string::npos}) {
    EXPECT_TRUE(check(line + "\n", {.line_bytes = line.size()}, piece).problems().empty());
    const BatchFileCheck checked =
        check(line_of("b", "m", "") + "\n" + line + "\n", {.line_bytes = line.size() - 1}, piece);
    ASSERT_EQ(checked.problems().size(), 1U) << piece;
    EXPECT_EQ(checked.problems()[0].code, "line_too_long");
    EXPECT_EQ(checked.problems()[0].line, 2U);
  }
}

TEST(BatchFile, problems_are_written_as_openai_does) {
  const BatchProblem problems[] = {{"empty_file", "Nothing \"there\".", "", {}},
                                   {"invalid_url", "No.", "url", 7}};
  EXPECT_EQ(write_problems(problems),
            R"([{"code":"empty_file","line":null,"message":"Nothing \"there\".","param":null},)"
            R"({"code":"invalid_url","line":7,"message":"No.","param":"url"}])");
  EXPECT_EQ(write_problems({}), "[]");
}

}  // namespace
}  // namespace rocket
