#include "base/random.h"

#include <gtest/gtest.h>

#include <array>

namespace rocket {
namespace {

TEST(Random, is_splitmix64) {
  // The first outputs of the reference implementation for seed 1234567.
  Random random(1234567);
  for (const std::uint64_t expected :
       {6457827717110365317U, 3203168211198807973U, 9817491932198370423U, 4593380528125082431U,
        16408922859458223821U}) {
    EXPECT_EQ(random.next(), expected);
  }
}

TEST(Random, uniform_is_in_range_and_even) {
  Random random(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70'000; ++i)
    ++seen.at(random.uniform(7));
  for (const int count : seen)
    EXPECT_NEAR(count, 10'000, 500);  // over five sigma
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(random.uniform(1), 0U);
}

TEST(Random, unit_is_at_least_zero_and_less_than_one) {
  Random random(2);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double number = random.unit();
    ASSERT_GE(number, 0);
    ASSERT_LT(number, 1);
    sum += number;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

}  // namespace
}  // namespace rocket
