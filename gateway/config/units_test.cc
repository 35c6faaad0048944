#include "config/units.h"

#include <gtest/gtest.h>

#include <optional>
#include <string_view>

namespace rocket {
namespace {

TEST(Units, DurationsAreReadExactlyOrNotAtAll) {
  struct Case {
    std::string_view text;
    std::optional<Duration> expected;
  };
  const Case cases[] = {
      {"250ms", 250ms},
      {"2s", 2s},
      {"5m", 5min},
      {"1h", 1h},
      {"0s", 0s},
      {"1.5s", 1500ms},
      {"0.1h", 6min},
      {"0.333m", 19'980ms},
      {"0.000001ms", 1ns},
      {"1.500000000000000000s", 1500ms},
      {"10000h", 10'000h},
      {"0.0000001ms", std::nullopt},             // finer than a nanosecond
      {"1.5000000000000000000s", std::nullopt},  // more digits than any duration needs
      {"10000.1h", std::nullopt},
      {"99999999999999999999s", std::nullopt},
      {"9999999999999999999h", std::nullopt},
      {"", std::nullopt},
      {"0", std::nullopt},
      {"250", std::nullopt},
      {"ms", std::nullopt},
      {"1.s", std::nullopt},
      {".5s", std::nullopt},
      {"1.2.3s", std::nullopt},
      {"-1s", std::nullopt},
      {"+1s", std::nullopt},
      {"1 s", std::nullopt},
      {"1s ", std::nullopt},
      {"1S", std::nullopt},
      {"1m30s", std::nullopt},
      {"1sec", std::nullopt},
      {"1us", std::nullopt},
      {"1e3ms", std::nullopt},
      {"0x1s", std::nullopt},
      {"inf", std::nullopt},
  };
  for (const Case& c : cases)
    EXPECT_EQ(parse_duration(c.text), c.expected) << c.text;
}

TEST(Units, DurationsArePrintedInTheLargestWholeUnit) {
  struct Case {
    Duration duration;
    std::string_view expected;
  };
  const Case cases[] = {
      {0s, "0s"},          {250ms, "250ms"},   {1500ms, "1500ms"}, {2s, "2s"},
      {90s, "90s"},        {300s, "5m"},       {75min, "75m"},     {48h, "48h"},
      {1ns, "0.000001ms"}, {1'500us, "1.5ms"}, {10us, "0.01ms"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(to_string(c.duration), c.expected);
    EXPECT_EQ(parse_duration(c.expected), c.duration) << c.expected;
  }
}

TEST(Units, ByteSizesAreReadExactlyOrNotAtAll) {
  struct Case {
    std::string_view text;
    std::optional<std::uint64_t> expected;
  };
  const Case cases[] = {
      {"0", 0},
      {"1", 1},
      {"4096", 4096},
      {"64KiB", 65'536},
      {"100MiB", 104'857'600},
      {"1GiB", 1'073'741'824},
      {"1.5KiB", 1536},
      {"0.5GiB", 536'870'912},
      {"1048576GiB", 1'125'899'906'842'624},
      {"1125899906842625", std::nullopt},
      {"18446744073709551615", std::nullopt},
      {"18446744073709551616", std::nullopt},
      {"17179869184GiB", std::nullopt},
      {"1.5", std::nullopt},
      {"0.3KiB", std::nullopt},
      {"", std::nullopt},
      {"KiB", std::nullopt},
      {"64KB", std::nullopt},
      {"64kib", std::nullopt},
      {"64 KiB", std::nullopt},
      {"64K", std::nullopt},
      {"-1", std::nullopt},
      {"1TiB", std::nullopt},
  };
  for (const Case& c : cases) {
    const std::optional<ByteSize> size = parse_byte_size(c.text);
    EXPECT_EQ(size ? std::optional(size->bytes) : std::nullopt, c.expected) << c.text;
  }
}

TEST(Units, ByteSizesArePrintedInTheLargestWholeUnit) {
  struct Case {
    std::uint64_t bytes;
    std::string_view expected;
  };
  const Case cases[] = {
      {0, "0"},
      {1023, "1023"},
      {1024, "1KiB"},
      {1536, "1536"},
      {1'048'576, "1MiB"},
      {1'049'600, "1025KiB"},
      {1'073'741'824, "1GiB"},
      {1'125'899'906'842'623, "1125899906842623"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(to_string(ByteSize{c.bytes}), c.expected);
    EXPECT_EQ(parse_byte_size(c.expected), ByteSize{c.bytes}) << c.expected;
  }
}

}  // namespace
}  // namespace rocket
