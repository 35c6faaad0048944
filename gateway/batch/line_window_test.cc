#include "batch/line_window.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;

// Lines that are asked of one who has so many places, of which others have taken some.
class Asked {
 public:
  explicit Asked(std::size_t places) : places_(places) {}

  // As many as may be, at most `ready`. How many it were.
  std::size_t ask(std::size_t ready) {
    std::size_t count = 0;
    for (; count < ready && window.open(now); ++count)
      asked_.push_back(std::make_unique<LineWindow::Asking>(window, now));
    return count;
  }
  // A moment later, those that are too many are. How many it were.
  std::size_t refuse() {
    now += 1ms;
    std::size_t count = 0;
    for (; asked_.size() > places_ - taken; ++count) {
      asked_.back()->refused(places_, now);
      asked_.pop_back();
    }
    return count;
  }
  // Then the others are answered, and some more asked. How many were refused of all these.
  std::size_t work(std::size_t lines, std::size_t ready = 64) {
    std::size_t refused = 0;
    while (lines != 0) {
      ask(ready);
      refused += refuse();
      now += 10ms;
      for (; !asked_.empty() && lines != 0; --lines) {
        asked_.front()->answered(now);
        asked_.pop_front();
      }
    }
    return refused;
  }
  [[nodiscard]] std::size_t under_way() const { return asked_.size(); }

  LineWindow window;
  TimePoint now{1h};
  std::size_t taken = 0;  // by others

 private:
  std::size_t places_;
  std::deque<std::unique_ptr<LineWindow::Asking>> asked_;
};

TEST(LineWindow, without_a_refusal_there_is_none) {
  Asked asked(1000);
  EXPECT_EQ(asked.ask(64), 64U);
  EXPECT_EQ(asked.refuse(), 0U);
  EXPECT_EQ(asked.work(1000, 500), 0U);
  EXPECT_EQ(asked.ask(900), 900U);
}

TEST(LineWindow, after_one_burst_nobody_is_refused_any_more) {
  for (const std::size_t places : {1U, 2U, 5U, 63U}) {
    SCOPED_TRACE(places);
    Asked asked(places);
    EXPECT_EQ(asked.ask(64), 64U);
    EXPECT_EQ(asked.refuse(), 64 - places) << "the burst";
    EXPECT_EQ(asked.ask(64), 0U) << "all places are taken, by ours";
    EXPECT_EQ(asked.window.size(), places);
    const TimePoint begun = asked.now;
    EXPECT_EQ(asked.work(20 * places), 0U);
    EXPECT_LE(asked.now - begun, 21 * 11ms) << "nobody has stayed away";
  }
}

TEST(LineWindow, where_others_have_places_it_makes_do_with_what_is_left) {
  Asked asked(8);
  asked.taken = 5;
  asked.ask(64);
  asked.refuse();
  const std::size_t refused = asked.work(300);
  EXPECT_LE(refused, 300U / 6) << "only who looks whether there are more by now";
  asked.taken = 0;
  asked.work(8 * LineWindow::answers_to_grow * 8);
  EXPECT_EQ(asked.window.size(), 8U) << "they have gone";
  EXPECT_EQ(asked.work(300), 0U);
}

TEST(LineWindow, where_others_have_all_it_looks_ever_more_seldom) {
  Asked asked(4);
  asked.taken = 4;
  std::vector<Duration> pauses;
  for (int round = 0; pauses.size() < 9; ++round) {
    ASSERT_LT(round, 20);
    asked.ask(64);
    asked.refuse();
    const TimePoint refused_at = asked.now;
    while (!asked.window.open(asked.now))
      asked.now += 1ms;
    if (asked.now != refused_at) pauses.push_back(asked.now - refused_at);
  }
  const std::vector<Duration> wanted{20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1s, 1s, 1s};
  EXPECT_EQ(pauses, wanted);
  asked.taken = 3;
  EXPECT_LE(asked.work(50), 50U / LineWindow::answers_to_grow + 1);
  asked.taken = 4;
  asked.ask(64);
  asked.refuse();
  EXPECT_FALSE(asked.window.open(asked.now + 19ms));
  EXPECT_TRUE(asked.window.open(asked.now + 20ms)) << "anew, once one has been answered";
}

// The limit may have been raised, or be gone.
TEST(LineWindow, what_was_told_does_not_count_for_ever) {
  Asked asked(2);
  asked.ask(64);
  asked.refuse();
  asked.work(100);
  EXPECT_EQ(asked.window.size(), 2U);
  asked.now += LineWindow::told_for;
  EXPECT_EQ(asked.work(100), 1U) << "one tries, and is told again";
  EXPECT_EQ(asked.window.size(), 2U);
}

TEST(LineWindow, is_as_good_as_new_while_nobody_has_been_refused) {
  LineWindow window;
  EXPECT_TRUE(window.pristine());
  {
    LineWindow::Asking one(window, TimePoint(1h));
    EXPECT_FALSE(window.pristine());
    one.answered(TimePoint(1h));
  }
  EXPECT_TRUE(window.pristine());
  {
    LineWindow::Asking one(window, TimePoint(1h));
    one.refused(0, TimePoint(1h + 1ms));
  }
  EXPECT_FALSE(window.pristine());
  EXPECT_EQ(window.size(), 1U) << "nobody has no place";
}

}  // namespace
}  // namespace rocket
