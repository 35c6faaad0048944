#include "policy/headroom.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;

TEST(Headroom, IsGoneWhenOneMoreWouldBeRefused) {
  using Left = RateRoom::Left;
  const struct {
    const char* name;
    RateRoom room;
    std::uint64_t tokens;
    Duration wait;
  } cases[] = {
      {"nothing said", {}, 1000, 0s},
      {"room for one", {.requests = Left{1, 9s}}, 1000, 0s},
      {"no request left", {.requests = Left{0, 9s}}, 0, 9s},
      {"tokens for one more", {.tokens = Left{1000, 9s}}, 1000, 0s},
      {"too few tokens", {.tokens = Left{999, 9s}}, 1000, 9s},
      {"none left, whatever it takes", {.tokens = Left{0, 9s}}, 0, 9s},
      {"nothing may come out", {.tokens_out = Left{0, 4s}}, 10, 4s},
      {"the latest of those that are used up",
       {.requests = Left{0, 2s}, .tokens = Left{0, 7s}, .tokens_out = Left{5, 60s}},
       10,
       7s},
      {"reset already", {.requests = Left{0, 0s}}, 10, 0s},
  };
  for (const auto& c : cases)
    EXPECT_EQ(no_room_for(c.room, c.tokens), c.wait) << c.name;
}

}  // namespace
}  // namespace rocket
