#include "batch/progress.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

TEST(Progress, tells_rate_time_tokens_and_failures) {
  Progress progress{.total = 2000, .done = 1500, .failed = 3, .begun_with = 500};
  progress.tokens = {.input = 12345, .cached = 0, .output = 678, .reasoning = 0};
  progress.elapsed = 10s;
  EXPECT_EQ(progress_text(progress),
            "1500 of 2000 lines, 3 failed, 100 a second, 5 s left, 12345 tokens in, 678 out");
  EXPECT_EQ(progress_bar(progress, 200).substr(0, 23), "[===============     ] ");
  EXPECT_EQ(progress_bar(progress, 30).size(), 30U);
}

TEST(Progress, a_terminal_of_eighty_columns_shows_all_of_it) {
  Progress progress{.total = 50'000, .done = 12'345, .failed = 12};
  progress.tokens = {.input = 1'234'567, .cached = 0, .output = 98'765, .reasoning = 0};
  progress.elapsed = 100s;
  EXPECT_EQ(progress_bar(progress, 79),
            "[===             ] 12345/50000, 12 failed, 123/s, 5m06s left, 1.2M+98.8k tokens");
  EXPECT_EQ(progress_bar(progress, 62),
            "12345/50000, 12 failed, 123/s, 5m06s left, 1.2M+98.8k tokens");
  progress.trouble = "out.jsonl: No space left on device";
  EXPECT_TRUE(progress_bar(progress, 79)
                  .ends_with("12345/50000, 12 failed, waits: out.jsonl: No "
                             "space left on device"));
  progress.trouble = std::string(100, 'x');
  EXPECT_EQ(progress_bar(progress, 79).size(), 79U);
}

TEST(Progress, what_is_not_known_is_not_made_up) {
  EXPECT_EQ(progress_text({.total = 10}),
            "0 of 10 lines, 0 failed, 0.0 a second, time left unknown, 0 tokens in, 0 out");
  EXPECT_EQ(progress_text({.total = 10, .done = 10, .elapsed = 4s}),
            "10 of 10 lines, 0 failed, 2.5 a second, done, 0 tokens in, 0 out");
  EXPECT_EQ(progress_bar({}, 80).substr(0, 22), "[                    ]");
}

TEST(Progress, long_waits_are_told_in_hours_and_minutes) {
  EXPECT_TRUE(
      progress_text({.total = 10001, .done = 1, .elapsed = 1s}).contains("2 h 46 min left"));
  EXPECT_TRUE(progress_text({.total = 101, .done = 1, .elapsed = 1s}).contains("1 min 40 s left"));
}

TEST(Progress, says_what_it_waits_for) {
  EXPECT_TRUE(progress_text({.total = 1, .trouble = "no space"}).ends_with("; waits: no space"));
}

}  // namespace
}  // namespace rocket
