#include "base/base64.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/random.h"

namespace rocket {
namespace {

std::string encoded(std::string_view bytes, size_t piece_bytes) {
  Base64Encoder encoder;
  std::string text;
  const auto write = [&](std::string_view piece) {
    text += piece;
    return true;
  };
  while (!bytes.empty()) {
    EXPECT_TRUE(encoder.encode(bytes.substr(0, piece_bytes), write));
    bytes.remove_prefix(std::min(piece_bytes, bytes.size()));
  }
  text += encoder.finish();
  return text;
}

// RFC 4648, section 10.
TEST(Base64, IsAsTheStandardHasIt) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xff\xfe\xfd", "//79"},
      {"\xfb\xf0", "+/A="},
  };
  for (const auto& [plain, expected] : cases) {
    EXPECT_EQ(encoded(plain, 100), expected) << plain;
    EXPECT_EQ(base64_size(plain.size()), expected.size()) << plain;
  }
}

TEST(Base64, IsTheSameHoweverTheBytesAreSplit) {
  Random random(7);
  std::string bytes;
  for (int i = 0; i < 10'000; ++i)
    bytes += static_cast<char>(random.next() & 0xffU);
  const std::string whole = encoded(bytes, bytes.size());
  EXPECT_EQ(whole.size(), base64_size(bytes.size()));
  for (const size_t piece : {1U, 2U, 3U, 4U, 5U, 1000U, 3071U, 3072U, 3073U, 8192U})
    EXPECT_EQ(encoded(bytes, piece), whole) << piece;
}

TEST(Base64, IsReadAsItWasWritten) {
  Random random(8);
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64_decoded(encoded(bytes, 7)), bytes);
    bytes += static_cast<char>(random.next() & 0xffU);
  }
  EXPECT_EQ(base64_decoded("Zg"), "f") << "without padding";
  for (const std::string_view text : {"Z", "Zg===", "Z=g=", "Zm9v\n", "Zm9-", "Zm9vY"})
    EXPECT_EQ(base64_decoded(text), std::nullopt) << text;
}

TEST(Base64, StopsWhenNothingMoreIsTaken) {
  Base64Encoder encoder;
  const std::string bytes(10'000, 'x');
  int calls = 0;
  EXPECT_FALSE(encoder.encode(bytes, [&](std::string_view) { return ++calls != 2; }));
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace rocket
