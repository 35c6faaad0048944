#include "config/problem.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

TEST(Problem, IsOneLine) {
  EXPECT_EQ(format_problem({"backends[0].urls[1]", "MESSAGE", "REMEDY"}),
            "backends[0].urls[1]: MESSAGE; REMEDY");
  EXPECT_EQ(format_problem({"", "MESSAGE", "REMEDY"}), "MESSAGE; REMEDY");
}

TEST(InQuotes, IsShortAndPrintable) {
  EXPECT_EQ(in_quotes("a b"), "\"a b\"");
  EXPECT_EQ(in_quotes("a\nb\x1b[31m\x7f"), "\"a?b?[31m?\"");
  EXPECT_EQ(in_quotes(std::string(64, 'x')), '"' + std::string(64, 'x') + '"');
  EXPECT_EQ(in_quotes(std::string(65, 'x')), '"' + std::string(64, 'x') + "...\"");
  // Not half a character.
  EXPECT_EQ(in_quotes(std::string(63, 'x') + "\xc3\xbc"), '"' + std::string(63, 'x') + "...\"");
}

TEST(InQuotes, ShowsNoneOfOurKeys) {
  const std::string key = "rk-0123456789abcdefghijklmnopqrstuvwxyz_-ABCDE";
  EXPECT_EQ(in_quotes(key), "\"[key]\"");
  EXPECT_EQ(in_quotes("Bearer " + key + ", " + key), "\"Bearer [key], [key]\"");
  EXPECT_EQ(in_quotes(std::string(60, 'x') + ' ' + key), '"' + std::string(60, 'x') + " [ke...\"");
  EXPECT_EQ(in_quotes("rk-short"), "\"rk-short\"");
  EXPECT_EQ(in_quotes("work-rk-"), "\"work-rk-\"");
  EXPECT_EQ(member_path("keys_file[0]", key), "keys_file[0][\"[key]\"]");
}

TEST(Path, CanNotBeMisread) {
  EXPECT_EQ(member_path("", "limits"), "limits");
  EXPECT_EQ(member_path("limits", "headers"), "limits.headers");
  EXPECT_EQ(member_path("models", "llama3:8b"), "models.llama3:8b");
  EXPECT_EQ(member_path("models", "qwen2.5"), "models[\"qwen2.5\"]");
  EXPECT_EQ(member_path("models", ""), "models[\"\"]");
  EXPECT_EQ(member_path("models", "a\nb: c"), "models[\"a?b: c\"]");
  EXPECT_EQ(element_path("backends", 3), "backends[3]");
}

TEST(Problems, KnowWhatCouldNotBeRead) {
  Problems problems;
  problems.add("backends[0].name", "m", "r");
  problems.add_unread("backends[1]", "m", "r");
  problems.add_unread("timeouts.idle", "m", "r");
  EXPECT_FALSE(problems.unread("backends[0].name"));
  EXPECT_TRUE(problems.unread("backends[1]"));
  EXPECT_TRUE(problems.unread("backends[1].urls[0]"));
  EXPECT_FALSE(problems.unread("backends[11]"));
  EXPECT_FALSE(problems.unread("backends"));
  EXPECT_FALSE(problems.unread("timeouts"));
  EXPECT_FALSE(problems.unread("timeouts.idle_more"));
  problems.add_unread("", "m", "r");
  EXPECT_TRUE(problems.unread("backends"));
  EXPECT_EQ(problems.take().size(), 4U);
}

}  // namespace
}  // namespace rocket
