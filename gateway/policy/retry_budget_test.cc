#include "policy/retry_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};

int spend_all(RetryBudget& budget, TimePoint now) {
  int spent = 0;
  while (budget.try_spend(now))
    ++spent;
  return spent;
}

TEST(RetryBudget, BeginsWithASecondsWorth) {
  RetryBudget budget({.per_request = 0.2, .per_second = 3});
  EXPECT_EQ(spend_all(budget, start), 3);
  EXPECT_EQ(spend_all(budget, start), 0);
}

TEST(RetryBudget, GrowsWithRequestsAndTime) {
  RetryBudget budget({.per_request = 0.2, .per_second = 3});
  (void)spend_all(budget, start);
  for (int i = 0; i < 10; ++i)
    budget.deposit();
  EXPECT_EQ(spend_all(budget, start), 2);
  EXPECT_EQ(spend_all(budget, start + 999ms), 2);
  EXPECT_EQ(spend_all(budget, start + 2s), 4) << "what is left of a token is kept";
}

TEST(RetryBudget, StoresABoundedNumber) {
  RetryBudget budget({.per_request = 1, .per_second = 3});
  (void)spend_all(budget, start);
  for (int i = 0; i < 1000; ++i)
    budget.deposit();
  EXPECT_EQ(spend_all(budget, start), 100);
  EXPECT_EQ(spend_all(budget, start + 24h), 100);
}

TEST(RetryBudget, NothingComesOfNothing) {
  RetryBudget budget({.per_request = 0, .per_second = 0});
  budget.deposit();
  EXPECT_EQ(spend_all(budget, start + 1h), 0);
  budget.refund();
  EXPECT_EQ(spend_all(budget, start + 2h), 1);
}

TEST(RetryBudget, KeepsWhatIsStoredWhenItIsSetAnew) {
  RetryBudget budget({.per_request = 0.5, .per_second = 0});
  budget.deposit();
  budget.deposit();
  budget.set({.per_request = 1, .per_second = 0});
  budget.deposit();
  EXPECT_EQ(spend_all(budget, start), 2);
}

// For each request at most 0.2 more, however many threads ask.
TEST(RetryBudget, HoldsAmongThreads) {
  RetryBudget budget({.per_request = 0.2, .per_second = 0});
  constexpr int threads = 4;
  constexpr int requests = 5000;
  std::atomic<int> spent = 0;
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      for (int k = 0; k < requests; ++k) {
        budget.deposit();
        if (budget.try_spend(start)) ++spent;
      }
    });
  }
  for (std::thread& thread : running)
    thread.join();
  spent += spend_all(budget, start);
  EXPECT_LE(spent, threads * requests / 5);
  EXPECT_GE(spent, threads * requests / 5 - 1);
}

}  // namespace
}  // namespace rocket
