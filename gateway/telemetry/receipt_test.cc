#include "telemetry/receipt.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint begin{1h};

Receipt receipt_of(std::string_view id) {
  return Receipt({id, "chat_completions", begin});
}

TEST(Receipt, KeepsWhatItIsTold) {
  Receipt receipt = receipt_of("req-1");
  receipt.set_key("alice");
  receipt.set_model("llama3");
  const Receipt copy = receipt;
  EXPECT_EQ(copy.id(), "req-1");
  EXPECT_EQ(copy.key(), "alice");
  EXPECT_EQ(copy.model(), "llama3");
  EXPECT_EQ(copy.operation, "chat_completions");
  EXPECT_TRUE(copy.under_way);
}

TEST(Receipt, KnowsWhatWasAskedForAndWhatOfWhomElse) {
  Receipt receipt = receipt_of("1");
  for (const char* model : {"fast", "llama3", "llama3", "qwen3"})
    receipt.set_model(model);
  EXPECT_EQ(receipt.asked_model(), "fast");
  EXPECT_EQ(receipt.model(), "qwen3");
}

TEST(Receipt, WhoWasChosenStaysSo) {
  Receipt receipt = receipt_of("1");
  receipt.look_at({"a/0", 3, "slower"});
  receipt.look_at({"a/1", 2, "slower"});
  receipt.look_at({"a/1", 2, "busier"});
  EXPECT_TRUE(receipt.choose("a/1", "chosen: expected soonest"));
  // The next choice.
  receipt.look_at({"a/0", 4, "busier"});
  receipt.look_at({"a/1", 9, "tried before"});
  ASSERT_EQ(receipt.candidates(), 2U);
  EXPECT_EQ(receipt.candidate(0).endpoint, "a/0");
  EXPECT_EQ(receipt.candidate(0).why, "busier");
  EXPECT_EQ(receipt.candidate(0).score, 4);
  EXPECT_EQ(receipt.candidate(1).why, "chosen: expected soonest");
  EXPECT_EQ(receipt.candidate(1).score, 2);
  EXPECT_TRUE(receipt.candidate(1).chosen);
}

TEST(Receipt, TimesAnAttemptPhaseByPhase) {
  Receipt receipt = receipt_of("1");
  receipt.look_at({"a/0", 1, "busier"});
  EXPECT_TRUE(receipt.choose("a/0", "chosen: the only one"));
  AttemptReceipt* const attempt = receipt.begin_attempt("a/0", begin + 1ms);
  ASSERT_NE(attempt, nullptr);
  receipt.enter(*attempt, Phase::send, begin + 3ms);
  receipt.enter(*attempt, Phase::first_byte, begin + 4ms);
  EXPECT_EQ(receipt.end_of(*attempt, begin + 9ms), 9000U);
  receipt.end(*attempt, begin + 10ms);
  EXPECT_TRUE(attempt->ended);
  EXPECT_EQ(attempt->started, 1000U);
  EXPECT_EQ(attempt->until[0], 3000U);
  EXPECT_EQ(attempt->until[1], 4000U);
  EXPECT_EQ(attempt->until[2], 10'000U);
  EXPECT_FALSE(attempt->reached(Phase::first_token));
  EXPECT_EQ(attempt->end(), 10'000U);
  EXPECT_EQ(receipt.endpoint_of(*attempt), "a/0");
}

TEST(Receipt, AttemptsSideBySideCountOnce) {
  Receipt receipt = receipt_of("1");
  const auto attempt = [&](Duration from, Duration to) {
    AttemptReceipt* const one = receipt.begin_attempt("a/0", begin + from);
    receipt.end(*one, begin + to);
  };
  attempt(10ms, 50ms);
  attempt(20ms, 40ms);  // within the first
  attempt(45ms, 60ms);  // overlaps
  attempt(100ms, 110ms);
  EXPECT_EQ(receipt.engine_time(begin + 1s), 60ms);
  static_cast<void>(receipt.begin_attempt("a/0", begin + 200ms));  // goes on
  EXPECT_EQ(receipt.engine_time(begin + 300ms), 160ms);
}

TEST(Receipt, WhatIsTooMuchIsLeftOutAndCounted) {
  Receipt receipt = receipt_of(std::string(128, 'i'));
  receipt.set_key(std::string(64, 'k'));
  receipt.set_model(std::string(300, 'm'));
  EXPECT_EQ(receipt.model(), std::string(96, 'm'));
  const std::string longest = std::string(64, 'b') + "/255";
  receipt.look_at({longest, 1, "busier"});
  ASSERT_EQ(receipt.candidates(), 1U) << "one fits whatever the names";
  EXPECT_EQ(receipt.candidate(0).endpoint, longest);
  for (int i = 0; i < 300; ++i)
    receipt.look_at({std::string(64, 'c') + std::to_string(i), 1, "busier"});
  EXPECT_EQ(receipt.candidates(), 1U);
  EXPECT_EQ(receipt.candidates_left_out, 255);
  for (int i = 0; i < 10; ++i) {
    AttemptReceipt* const attempt = receipt.begin_attempt("elsewhere/0", begin);
    EXPECT_EQ(attempt != nullptr, i < 8) << i;
    if (attempt == nullptr) continue;
    EXPECT_EQ(receipt.endpoint_of(*attempt), "");
  }
  EXPECT_EQ(receipt.attempts().size(), Receipt::attempts_max);
  EXPECT_EQ(receipt.attempts_left_out, 2);
}

TEST(Receipt, ManyShortNamesFit) {
  Receipt receipt = receipt_of("1");
  for (int i = 0; i < 9; ++i)
    receipt.look_at({"ollama/" + std::to_string(i), 1, "busier"});
  EXPECT_EQ(receipt.candidates(), Receipt::candidates_max);
  EXPECT_EQ(receipt.candidate(7).endpoint, "ollama/7");
  EXPECT_EQ(receipt.candidates_left_out, 1);
}

TEST(Receipt, WhoIsChosenOfManyIsNeverLeftOut) {
  for (const char* const name : {"a/", "a-backend-with-a-rather-long-name/"}) {
    Receipt receipt = receipt_of("1");
    for (int i = 0; i < 100; ++i)
      receipt.look_at({name + std::to_string(i), 1, "busier"});
    const std::size_t known = receipt.candidates();
    for (const char* const number : {"0", "99", "8"}) {
      const std::string one = std::string(name) + number;
      const std::string_view why = "chosen: the best score";
      if (!receipt.choose(one, why)) receipt.choose_left_out({one, 7, why});
      AttemptReceipt* const attempt = receipt.begin_attempt(one, begin);
      ASSERT_NE(attempt, nullptr);
      EXPECT_EQ(receipt.endpoint_of(*attempt), one);
    }
    EXPECT_EQ(receipt.endpoint_of(receipt.attempts()[0]), std::string(name) + "0");
    EXPECT_EQ(receipt.candidates(), known);
    EXPECT_EQ(receipt.candidates_left_out, 100 - known);
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < known; ++i)
      chosen += receipt.candidate(i).chosen ? 1 : 0;
    EXPECT_EQ(chosen, 3U);
    EXPECT_EQ(receipt.candidate(known - 1).score, 7);
    EXPECT_EQ(receipt.candidate(known - 1).why, "chosen: the best score");
  }
}

TEST(Receipt, TimesBeyondItsScaleStayAtItsEnd) {
  Receipt receipt = receipt_of("1");
  AttemptReceipt* const attempt = receipt.begin_attempt("a/0", begin - 1ms);
  EXPECT_EQ(attempt->started, 0U);
  receipt.end(*attempt, begin + 10h);
  EXPECT_EQ(attempt->end(), AttemptReceipt::unknown - 1);
}

}  // namespace
}  // namespace rocket
