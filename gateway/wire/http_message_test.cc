#include "wire/http_message.h"

#include <gtest/gtest.h>

#include <vector>

namespace rocket {
namespace {

HeaderList three_headers() {
  HeaderList list;
  list.add("Host", "a");
  list.add("X-Empty", "");
  list.add("host", "b");
  return list;
}

TEST(HeaderList, KeepsOrderAndSpelling) {
  const HeaderList list = three_headers();
  std::vector<std::string> seen;
  for (const auto [name, value] : list)
    seen.push_back(std::string(name) + "=" + std::string(value));
  EXPECT_EQ(seen, (std::vector<std::string>{"Host=a", "X-Empty=", "host=b"}));
}

TEST(HeaderList, FindsByNameWithoutRegardToCase) {
  const HeaderList list = three_headers();
  EXPECT_EQ(list.find("HOST"), "a");
  EXPECT_EQ(list.find("x-empty"), "");
  EXPECT_EQ(list.find("hos"), std::nullopt);
  EXPECT_EQ(list.count("Host"), 2U);
  EXPECT_EQ(list.count("x-none"), 0U);
}

TEST(HeaderList, LinesAreReadyToSend) {
  const HeaderList list = three_headers();
  EXPECT_EQ(list.line(0), "Host: a\r\n");
  EXPECT_EQ(list.line(1), "X-Empty: \r\n");
  EXPECT_EQ(list.lines(1, 3), "X-Empty: \r\nhost: b\r\n");
  EXPECT_EQ(list.lines(3, 3), "");
  EXPECT_EQ(list.bytes(), list.lines(0, list.size()).size());
}

TEST(HeaderList, ValuesEndBeforeTrailingWhiteSpace) {
  HeaderList list;
  list.add("a", " b \t ");
  list.add("c", " \t ");
  EXPECT_EQ(list[0].value, " b");
  EXPECT_EQ(list[1].value, "");
}

TEST(HeaderList, PiecesMakeTheSameLines) {
  HeaderList list;
  for (const char* piece : {"Ho", "", "st"})
    list.append_name(piece);
  list.end_name();
  for (const char* piece : {"exa", "mple ", " "})
    list.append_value(piece);
  list.end_value();
  EXPECT_EQ(list.lines(0, 1), "Host: example\r\n");
}

TEST(HeaderListDeathTest, RefusesWhatCouldEndALine) {
  HeaderList list;
  EXPECT_DEATH(list.add("a", "b\r\nEvil: 1"), "header_value_ok");
  EXPECT_DEATH(list.add("a: b\n", "c"), "header_value_ok");
}

TEST(HeaderList, ClearedIsAsNew) {
  HeaderList list = three_headers();
  list.clear();
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.bytes(), 0U);
  list.add("a", "b");
  EXPECT_EQ(list.lines(0, 1), "a: b\r\n");
}

TEST(HttpMessage, ComparesOnlyAsciiLettersWithoutRegardToCase) {
  EXPECT_TRUE(equals_ignoring_case("Content-LENGTH", "content-length"));
  EXPECT_TRUE(equals_ignoring_case("", ""));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));  // differ in the bit that letters differ in
  EXPECT_FALSE(equals_ignoring_case("@", "`"));
  EXPECT_FALSE(equals_ignoring_case("\xc4", "\xe4"));
}

}  // namespace
}  // namespace rocket
