#include "batch/batch_plan.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::uint32_t>;

constexpr TimePoint start{1h};

// The n-th line asks for models[n] with the beginning prefixes[n].
std::vector<IndexedLine> lines_of(const std::vector<std::uint32_t>& models,
                                  const std::vector<std::uint32_t>& prefixes) {
  std::vector<IndexedLine> lines;
  for (std::size_t i = 0; i < models.size(); ++i)
    lines.push_back({.offset = i * 10, .length = 9, .model = models[i], .prefix = prefixes[i]});
  return lines;
}

TEST(BatchPlan, one_model_after_the_other_and_of_it_what_begins_alike_together) {
  const auto lines = lines_of({0, 1, 0, 0, 1, 0}, {0, 1, 2, 0, 1, 2});
  BatchPlan plan(lines, {}, {});
  EXPECT_EQ(plan.left(), 6U);
  EXPECT_EQ(plan.take(3, start), (Lines{0, 3, 2}));
  EXPECT_EQ(plan.take(100, start), (Lines{5, 1, 4}));
  EXPECT_EQ(plan.take(100, start), Lines{});
  EXPECT_EQ(plan.left(), 0U);
  EXPECT_EQ(plan.next_at(), never);
}

TEST(BatchPlan, the_order_of_all_lines_is_that_of_a_plan) {
  const auto lines = lines_of({0, 1, 0, 0, 1, 0}, {0, 1, 2, 0, 1, 2});
  EXPECT_EQ(asking_order(lines), (Lines{0, 3, 2, 5, 1, 4}));
  EXPECT_EQ(asking_order({}), Lines{});
}

TEST(BatchPlan, what_has_a_result_is_not_begun_again) {
  const auto lines = lines_of({0, 0, 0}, {0, 0, 0});
  BatchPlan plan(lines, {true, false, true}, {});
  EXPECT_EQ(plan.take(9, start), Lines{1});
}

TEST(BatchPlan, a_model_that_is_held_is_passed_over_for_a_while) {
  const auto lines = lines_of({0, 0, 1}, {0, 0, 0});
  BatchPlan plan(lines, {}, {});
  EXPECT_EQ(plan.take(1, start), Lines{0});
  plan.hold(0, start + 10s);
  plan.hold(0, start + 5s);
  EXPECT_TRUE(plan.held(0, start + 9s));
  EXPECT_FALSE(plan.held(1, start));
  EXPECT_EQ(plan.take(9, start), Lines{2});
  EXPECT_EQ(plan.take(9, start + 9s), Lines{});
  EXPECT_EQ(plan.next_at(), start + 10s);
  EXPECT_EQ(plan.take(9, start + 10s), Lines{1});
}

TEST(BatchPlan, only_the_model_that_is_meant_is_held) {
  const auto lines = lines_of({0, 1, 2, 3}, {0, 0, 0, 0});
  BatchPlan plan(lines, {false, true, false, false}, {});
  for (const std::uint32_t model : {1U, 2U, 4U})
    plan.hold(model, start + 10s);
  std::vector<std::uint32_t> held;
  for (std::uint32_t model = 0; model < 6; ++model) {
    if (plan.held(model, start)) held.push_back(model);
  }
  EXPECT_EQ(held, Lines{2}) << "of 1 nothing is left, and 4 is none";
  EXPECT_EQ(plan.take(9, start), (Lines{0, 3}));
}

TEST(BatchPlan, of_each_model_only_what_there_is_use_for) {
  const auto lines = lines_of({0, 0, 0, 1, 1, 2, 2, 2}, {0, 0, 0, 0, 0, 0, 0, 0});
  BatchPlan plan(lines, {}, {});
  const std::size_t room[] = {1, 0, 9};
  const auto use = [&](std::uint32_t model) { return room[model]; };
  EXPECT_EQ(plan.take(3, start, use), (Lines{0, 5, 6}));
  EXPECT_EQ(plan.take(3, start, use), (Lines{1, 7}));
  EXPECT_EQ(plan.left(), 3U);
  EXPECT_EQ(plan.take(9, start), (Lines{2, 3, 4}));
}

TEST(BatchPlan, what_is_given_back_comes_first_of_its_model) {
  const auto lines = lines_of({0, 0, 0, 1, 2}, {0, 0, 0, 0, 0});
  const BegunLine begun[] = {{4, BatchPlan::suspected}};
  BatchPlan plan(lines, {}, begun);
  EXPECT_FALSE(plan.give_back(0, 0)) << "it has not been taken";
  EXPECT_EQ(plan.take(2, start), (Lines{0, 1}));
  EXPECT_TRUE(plan.give_back(0, 1));
  EXPECT_TRUE(plan.give_back(0, 0));
  EXPECT_FALSE(plan.give_back(2, 4)) << "of a suspected line's model there is no other";
  EXPECT_EQ(plan.left(), 4U);
  EXPECT_TRUE(plan.hold(0, start + 1s));
  EXPECT_FALSE(plan.hold(2, start + 1s));
  EXPECT_EQ(plan.take(9, start), Lines{3});
  EXPECT_EQ(plan.next_at(), start + 1s);
  EXPECT_EQ(plan.take(9, start + 1s), (Lines{0, 1, 2}));
  EXPECT_EQ(plan.left(), 0U);
}

TEST(BatchPlan, lines_that_were_lost_with_the_process_several_times_come_alone) {
  const auto lines = lines_of({0, 0, 0, 0}, {0, 0, 0, 0});
  const BegunLine begun[] = {{0, BatchPlan::suspected - 1},
                             {1, BatchPlan::suspected},
                             {2, BatchPlan::given_up},
                             {3, BatchPlan::given_up}};
  BatchPlan plan(lines, {false, false, false, true}, begun);
  EXPECT_EQ(plan.take(9, start), Lines{0});
  EXPECT_EQ(plan.take_suspect(), (BegunLine{1, BatchPlan::suspected}));
  EXPECT_EQ(plan.take_suspect(), (BegunLine{2, BatchPlan::given_up}));
  EXPECT_EQ(plan.take_suspect(), std::nullopt) << "the last has its result";
}

}  // namespace
}  // namespace rocket
