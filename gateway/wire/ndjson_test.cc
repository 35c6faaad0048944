#include "wire/ndjson.h"

#include <gtest/gtest.h>

#include <vector>

namespace rocket {
namespace {

struct Read {
  std::vector<std::string> lines;
  std::string rest;
  bool too_large = false;
  [[nodiscard]] bool operator==(const Read&) const = default;
};

Read read(std::string_view input, size_t piece_bytes, size_t line_bytes_max = 100) {
  NdjsonSplitter splitter(line_bytes_max);
  Read result;
  while (!input.empty() && !result.too_large) {
    const std::string piece(input.substr(0, piece_bytes));
    input.remove_prefix(piece.size());
    const auto fed =
        splitter.feed(piece, [&](std::string_view line) { result.lines.emplace_back(line); });
    result.too_large = !fed;
  }
  result.rest = splitter.rest();
  return result;
}

TEST(Ndjson, IsTheSameHoweverItIsSplit) {
  const struct {
    const char* name;
    std::string_view input;
    Read expected;
  } cases[] = {
      {"nothing", "", {{}, ""}},
      {"a line", "{}\n", {{"{}"}, ""}},
      {"lines", "{\"a\":1}\n{\"b\":2}\n", {{"{\"a\":1}", "{\"b\":2}"}, ""}},
      {"with carriage returns", "1\r\n2\r\n", {{"1", "2"}, ""}},
      {"empty lines", "\n\r\n1\n\n\n2\n\n", {{"1", "2"}, ""}},
      {"a carriage return inside", "1\r2\n", {{"1\r2"}, ""}},
      {"no end", "1\n2", {{"1"}, "2"}},
      {"half an end", "1\n2\r", {{"1"}, "2"}},
  };
  for (const auto& c : cases) {
    for (size_t bytes = 1; bytes <= c.input.size() + 1; ++bytes)
      EXPECT_EQ(read(c.input, bytes), c.expected) << c.name << ", by " << bytes;
  }
}

TEST(Ndjson, BoundsALine) {
  for (const size_t bytes : {1U, 3U, 100U}) {
    EXPECT_FALSE(read("12345\n12345\n", bytes, 5).too_large);
    EXPECT_TRUE(read("123456\n", bytes, 5).too_large);
    EXPECT_TRUE(read("12345\n123456", bytes, 5).too_large);
    EXPECT_EQ(read("12345\n123456\n", bytes, 5).lines, std::vector<std::string>{"12345"});
  }
}

}  // namespace
}  // namespace rocket
