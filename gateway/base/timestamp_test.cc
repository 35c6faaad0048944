#include "base/timestamp.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

struct Case {
  const char* name;
  std::chrono::nanoseconds since_epoch;
  std::string_view expected;
};

class Timestamp : public testing::TestWithParam<Case> {};

TEST_P(Timestamp, is_rfc_3339) {
  std::string text = "at ";
  append_timestamp(text, WallTime(GetParam().since_epoch));
  EXPECT_EQ(text, "at " + std::string(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    cases, Timestamp,
    testing::Values(
        Case{"epoch", 0ns, "1970-01-01T00:00:00.000Z"},
        Case{"milliseconds_are_cut", 1'999'999ns, "1970-01-01T00:00:00.001Z"},
        Case{"before_the_epoch", -1ns, "1969-12-31T23:59:59.999Z"},
        Case{"leap_day", 1709210096789ms, "2024-02-29T12:34:56.789Z"},
        Case{"year_end", 1767225599999ms, "2025-12-31T23:59:59.999Z"},
        Case{"the_earliest", std::chrono::nanoseconds::min(), "1677-09-21T00:12:43.145Z"},
        Case{"the_latest", std::chrono::nanoseconds::max(), "2262-04-11T23:47:16.854Z"}),
    [](const auto& case_info) { return case_info.param.name; });

}  // namespace
}  // namespace rocket
