#include "policy/lane_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <string>

#include "base/random.h"

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr LaneQueue::Settings usual{{{8, 256}, {4, 256}, {1, 1024}}};

// Requests that wait, each with a name to tell by.
class Waiting {
 public:
  explicit Waiting(const LaneQueue::Settings& settings = usual) : queue(settings) {}

  bool add(const std::string& name, Lane lane, const void* key = nullptr,
           std::uintptr_t places = 0) {
    tickets_.emplace_back(name, lane, key, places);
    return queue.enter(tickets_.back().ticket);
  }
  // Starts `most` requests that `can` start, and returns their names.
  template <class Can>
  std::string serve(std::size_t most, Can can, TimePoint now = {}) {
    std::string names;
    std::size_t started = 0;
    queue.serve(now, [&](LaneQueue::Ticket& ticket) {
      const std::string& name = name_of(ticket);
      if (started == most || !can(name)) return false;
      ++started;
      names += name + " ";
      return true;
    });
    return names;
  }
  std::string serve(std::size_t most, TimePoint now = {}) {
    return serve(most, [](const std::string&) { return true; }, now);
  }
  void remove(const std::string& name) {
    std::erase_if(tickets_, [&](const Named& one) { return one.name == name; });
  }

  LaneQueue queue;

 private:
  struct Named {
    Named(std::string called, Lane lane, const void* key, std::uintptr_t places)
        : name(std::move(called)), ticket(lane, key, places) {}
    Named(const Named&) = delete;
    Named& operator=(const Named&) = delete;
    std::string name;
    LaneQueue::Ticket ticket;
  };
  const std::string& name_of(const LaneQueue::Ticket& ticket) const {
    for (const Named& one : tickets_) {
      if (&one.ticket == &ticket) return one.name;
    }
    static const std::string unknown = "?";
    return unknown;
  }
  std::list<Named> tickets_;
};

TEST(LaneQueue, serves_one_lane_in_the_order_of_arrival) {
  Waiting waiting;
  for (const char* name : {"a", "b", "c"})
    EXPECT_TRUE(waiting.add(name, Lane::normal));
  EXPECT_EQ(waiting.serve(2), "a b ");
  EXPECT_EQ(waiting.queue.waiting(Lane::normal), 1U);
  EXPECT_EQ(waiting.serve(2), "c ");
  EXPECT_TRUE(waiting.queue.empty());
}

TEST(LaneQueue, shares_between_lanes_by_weight) {
  Waiting waiting;
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(waiting.add("i", Lane::interactive));
    EXPECT_TRUE(waiting.add("n", Lane::normal));
    EXPECT_TRUE(waiting.add("b", Lane::batch));
  }
  const std::string served = waiting.serve(130);
  EXPECT_EQ(std::ranges::count(served, 'i'), 80);
  EXPECT_EQ(std::ranges::count(served, 'n'), 40);
  EXPECT_EQ(std::ranges::count(served, 'b'), 10);
}

TEST(LaneQueue, a_lane_that_was_empty_has_saved_nothing_up) {
  Waiting waiting;
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(waiting.add("i", Lane::interactive));
  EXPECT_EQ(waiting.serve(80).size(), 160U);
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(waiting.add("b", Lane::batch));
  const std::string served = waiting.serve(9);
  EXPECT_EQ(std::ranges::count(served, 'b'), 1);
}

TEST(LaneQueue, shares_between_the_keys_of_a_lane_equally) {
  const char one = 0;
  const char other = 0;
  Waiting waiting;
  for (int i = 0; i < 50; ++i)
    EXPECT_TRUE(waiting.add("a", Lane::normal, &one));
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(waiting.add("b", Lane::normal, &other));
  EXPECT_EQ(waiting.serve(7), "a b a b a b a ");
}

TEST(LaneQueue, who_can_not_start_holds_up_nobody_else) {
  constexpr std::uintptr_t here = 1;
  constexpr std::uintptr_t there = 2;
  Waiting waiting;
  EXPECT_TRUE(waiting.add("h1", Lane::interactive, nullptr, here));
  EXPECT_TRUE(waiting.add("h2", Lane::interactive, nullptr, here));
  EXPECT_TRUE(waiting.add("t1", Lane::batch, nullptr, there));
  std::size_t asked = 0;
  const auto only_there = [&](const std::string& name) {
    ++asked;
    return name[0] == 't';
  };
  EXPECT_EQ(waiting.serve(9, only_there), "t1 ");
  EXPECT_EQ(asked, 2U) << "h2 waits for the same places as h1 and need not be asked";
  EXPECT_EQ(waiting.queue.waiting(Lane::interactive), 2U);
}

TEST(LaneQueue, the_same_places_may_be_full_for_batch_only) {
  Waiting waiting;
  EXPECT_TRUE(waiting.add("b", Lane::batch));
  EXPECT_TRUE(waiting.add("n", Lane::normal));
  EXPECT_TRUE(waiting.add("n", Lane::normal));
  const auto no_batch = [](const std::string& name) { return name != "b"; };
  EXPECT_EQ(waiting.serve(9, no_batch), "n n ");
}

TEST(LaneQueue, is_bounded_per_lane) {
  Waiting waiting({{{8, 2}, {4, 0}, {1, 1}}});
  EXPECT_TRUE(waiting.add("a", Lane::interactive));
  EXPECT_TRUE(waiting.add("b", Lane::interactive));
  EXPECT_FALSE(waiting.add("c", Lane::interactive));
  EXPECT_FALSE(waiting.add("d", Lane::normal)) << "a lane without a queue";
  EXPECT_TRUE(waiting.add("e", Lane::batch)) << "lanes do not take each other's room";
  EXPECT_EQ(waiting.serve(9).size(), 6U);
}

// How many more of `key` and `places` a lane takes.
std::size_t fill(Waiting& waiting, const void* key, std::uintptr_t places) {
  std::size_t taken = 0;
  while (waiting.add("x", Lane::normal, key, places))
    ++taken;
  return taken;
}

TEST(LaneQueue, a_key_that_floods_has_no_other_turned_away) {
  const char keys[4] = {};
  Waiting waiting({{{8, 0}, {4, 12}, {1, 0}}});
  EXPECT_EQ(fill(waiting, &keys[0], 0), 12U) << "alone it has all the room";
  EXPECT_EQ(fill(waiting, &keys[1], 0), 6U) << "of two, half of it";
  EXPECT_EQ(fill(waiting, &keys[2], 0), 4U);
  EXPECT_EQ(fill(waiting, &keys[0], 0), 0U) << "it has more than its part";
  EXPECT_EQ(fill(waiting, &keys[1], 0), 0U);
  EXPECT_EQ(waiting.queue.waiting(Lane::normal), 22U);
  EXPECT_FALSE(waiting.add("i", Lane::interactive, &keys[3])) << "of nothing there is no part";
}

TEST(LaneQueue, a_model_that_is_stuck_has_no_other_turned_away) {
  constexpr std::uintptr_t stuck = 1;
  Waiting waiting({{{8, 0}, {4, 12}, {1, 0}}});
  EXPECT_EQ(fill(waiting, nullptr, stuck), 12U);
  EXPECT_EQ(fill(waiting, nullptr, 2), 6U);
  EXPECT_EQ(fill(waiting, nullptr, 3), 4U);
  EXPECT_EQ(fill(waiting, nullptr, stuck), 0U);
  EXPECT_EQ(waiting.queue.waiting(Lane::normal), 22U);
}

TEST(LaneQueue, a_lane_that_has_room_again_is_anybodys) {
  const char keys[2] = {};
  Waiting waiting({{{8, 0}, {4, 12}, {1, 0}}});
  EXPECT_EQ(fill(waiting, &keys[0], 0), 12U);
  EXPECT_EQ(fill(waiting, &keys[1], 0), 6U);
  waiting.remove("x");
  EXPECT_TRUE(waiting.queue.empty());
  EXPECT_EQ(fill(waiting, &keys[1], 0), 12U) << "nothing is remembered of who has gone";
}

TEST(LaneQueue, the_wait_of_a_key_is_not_that_of_one_that_floods) {
  const char keys[3] = {};
  Waiting waiting;
  for (int i = 0; i < 40; ++i)
    EXPECT_TRUE(waiting.add("flood", Lane::normal, &keys[0]));
  TimePoint now{};
  for (int i = 0; i < 10; ++i) {
    now += 1s;
    EXPECT_EQ(waiting.serve(1, now), "flood ");
  }
  EXPECT_EQ(waiting.queue.expected_wait(Lane::normal, 0, &keys[0]), 31s);
  EXPECT_EQ(waiting.queue.expected_wait(Lane::normal, 0, &keys[1]), 2s) << "the next but one";
  EXPECT_TRUE(waiting.add("quiet", Lane::normal, &keys[1]));
  EXPECT_EQ(waiting.queue.expected_wait(Lane::normal, 0, &keys[1]), 4s);
  EXPECT_EQ(waiting.queue.expected_wait(Lane::normal, 0, &keys[2]), 3s);
  now += 2s;
  EXPECT_EQ(waiting.serve(2, now), "flood quiet ");
}

TEST(LaneQueue, who_gives_up_waiting_is_gone) {
  Waiting waiting;
  for (const char* name : {"a", "b", "c"})
    EXPECT_TRUE(waiting.add(name, Lane::normal));
  waiting.remove("b");
  EXPECT_EQ(waiting.queue.waiting(Lane::normal), 2U);
  EXPECT_EQ(waiting.serve(9), "a c ");
}

TEST(LaneQueue, tells_how_long_the_wait_will_be) {
  Waiting waiting;
  EXPECT_FALSE(waiting.queue.expected_wait(Lane::normal, 0)) << "nothing is known yet";
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(waiting.add("n", Lane::normal));
  TimePoint now{};
  for (int i = 0; i < 10; ++i) {
    now += 100ms;
    EXPECT_EQ(waiting.serve(1, now), "n ");
  }
  // Ten wait and a place comes free every 100 ms.
  EXPECT_EQ(waiting.queue.expected_wait(Lane::normal, 0), 1100ms);
  // The more urgent goes past them, but for their share of 4 to 8.
  EXPECT_EQ(waiting.queue.expected_wait(Lane::interactive, 0), 150ms);
  // The less urgent lets them past, but waits for no more than there are.
  EXPECT_EQ(waiting.queue.expected_wait(Lane::batch, 0), 500ms);
}

// A model that takes long, for which many wait, says nothing about another one's places.
TEST(LaneQueue, the_wait_is_for_the_same_places) {
  Waiting waiting;
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(waiting.add("slow", Lane::normal, nullptr, 1));
  TimePoint now{};
  for (int i = 0; i < 10; ++i) {
    now += 1s;
    EXPECT_EQ(waiting.serve(1, now), "slow ");
  }
  EXPECT_EQ(waiting.queue.expected_wait(Lane::normal, 1), 11s);
  EXPECT_EQ(waiting.queue.waiting_for(1), 10U);
  EXPECT_FALSE(waiting.queue.expected_wait(Lane::normal, 2)) << "nothing is known of it";
  const auto only_quick = [](const std::string& name) { return name == "quick"; };
  for (int i = 0; i < 6; ++i)
    EXPECT_TRUE(waiting.add("quick", Lane::normal, nullptr, 2));
  for (int i = 0; i < 5; ++i) {
    now += 10ms;
    EXPECT_EQ(waiting.serve(1, only_quick, now), "quick ");
  }
  EXPECT_EQ(waiting.queue.expected_wait(Lane::normal, 2), 20ms);
  EXPECT_EQ(waiting.queue.expected_wait(Lane::interactive, 1), 1500ms) << "as before";
  waiting.remove("slow");
  EXPECT_EQ(waiting.queue.waiting_for(1), 0U);
  EXPECT_FALSE(waiting.queue.empty());
  EXPECT_FALSE(waiting.queue.expected_wait(Lane::normal, 1)) << "nobody waits for it";
}

TEST(LaneQueue, of_places_that_nobody_waits_for_some_are_remembered) {
  Waiting waiting;
  for (std::uintptr_t places = 0; places < 1000; ++places) {
    EXPECT_TRUE(waiting.add("n", Lane::normal, nullptr, places));
    EXPECT_EQ(waiting.serve(9), "n ");
    EXPECT_TRUE(waiting.queue.empty());
  }
  EXPECT_LE(waiting.queue.remembered(), 65U);
}

TEST(LaneQueue, nobody_is_lost_or_served_twice) {
  const std::uint64_t seed = 20261129;
  Random random(seed);
  const char keys[4] = {};
  LaneQueue queue(usual);
  std::vector<std::unique_ptr<LaneQueue::Ticket>> waiting;
  std::size_t entered = 0;
  std::size_t served = 0;
  std::size_t left = 0;
  for (int step = 0; step < 20'000; ++step) {
    switch (random.uniform(3)) {
      case 0: {
        auto ticket = std::make_unique<LaneQueue::Ticket>(
            all_lanes[random.uniform(3)], &keys[random.uniform(4)], random.uniform(3));
        if (!queue.enter(*ticket)) break;
        ++entered;
        waiting.push_back(std::move(ticket));
        break;
      }
      case 1:
        if (waiting.empty()) break;
        waiting.erase(waiting.begin() +
                      static_cast<std::ptrdiff_t>(random.uniform(waiting.size())));
        ++left;
        break;
      default:
        served += queue.serve({}, [&](LaneQueue::Ticket&) { return random.uniform(3) == 0; });
        std::erase_if(waiting, [](const auto& ticket) { return !ticket->waits(); });
    }
    const std::size_t still =
        queue.waiting(Lane::interactive) + queue.waiting(Lane::normal) + queue.waiting(Lane::batch);
    ASSERT_EQ(still, waiting.size()) << "seed " << seed << ", step " << step;
    ASSERT_EQ(entered, served + left + still) << "seed " << seed << ", step " << step;
    ASSERT_EQ(queue.empty(), still == 0) << "seed " << seed << ", step " << step;
  }
}

}  // namespace
}  // namespace rocket
