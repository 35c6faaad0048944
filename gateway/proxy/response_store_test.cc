#include "proxy/response_store.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;
using Missing = ResponseStore::Missing;

constexpr TimePoint start{};
const Sha256 alice = sha256("alice");
const Sha256 bob = sha256("bob");
constexpr ResponseStore::Settings settings{.bytes = 1U << 20U, .expiry = 1h, .turns = 10};

// A response whose texts take `bytes` together.
StoredResponse response(const std::string& id, const std::string& previous = "",
                        std::uint32_t turns = 1, size_t bytes = 1000) {
  StoredResponse made;
  made.id = id;
  made.owner = alice;
  made.input = R"("hi")";
  made.text = R"({"output":[)" + std::string(bytes, ' ') + "]}";
  made.text.shrink_to_fit();
  made.output_begin = 10;
  made.output_end = made.text.size() - 1;
  made.previous = previous;
  made.turns = turns;
  return made;
}

// The ids of the conversation that ends with `id`; "itself" or "earlier" if something is missing.
std::string conversation(ResponseStore& store, const std::string& id, TimePoint now = start,
                         const Sha256& owner = alice) {
  const auto links = store.conversation(id, owner, now);
  if (!links) return links.error() == Missing::itself ? "itself" : "earlier";
  std::string ids;
  for (const ResponseStore::Link& link : *links)
    ids += link->id;
  return ids;
}

TEST(ResponseStore, GivesBackWhatItWasGiven) {
  ResponseStore store(settings);
  ASSERT_TRUE(store.put(response("a"), start));
  const auto found = store.find("a", alice, start);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->input, R"("hi")");
  EXPECT_EQ(found->output(), "[" + std::string(1000, ' ') + "]");
  EXPECT_GE(store.kept_bytes(), found->text.size() + found->input.size());
  EXPECT_TRUE(store.erase("a", alice, start));
  EXPECT_FALSE(store.find("a", alice, start));
  EXPECT_FALSE(store.erase("a", alice, start));
  // Whoever reads it still has it, and it counts that long.
  EXPECT_EQ(store.kept_bytes(), 0U);
  EXPECT_GE(store.held_bytes(), found->text.size());
}

TEST(ResponseStore, GivesItToNobodyElse) {
  ResponseStore store(settings);
  ASSERT_TRUE(store.put(response("a"), start));
  for (const Sha256& other : {bob, Sha256{}}) {
    EXPECT_FALSE(store.find("a", other, start));
    EXPECT_FALSE(store.erase("a", other, start));
    EXPECT_EQ(conversation(store, "a", start, other), "itself");
  }
  // Nor can anybody put something else in its place, or join it to what is somebody else's.
  StoredResponse other = response("a");
  other.owner = bob;
  EXPECT_FALSE(store.put(std::move(other), start));
  EXPECT_TRUE(store.find("a", alice, start));
  StoredResponse next = response("b", "a", 2);
  next.owner = bob;
  ASSERT_TRUE(store.put(std::move(next), start));
  EXPECT_EQ(conversation(store, "b", start, bob), "earlier");
}

TEST(ResponseStore, ForgetsWhatNobodyHasAskedForSoLong) {
  ResponseStore store(settings);
  ASSERT_TRUE(store.put(response("a"), start));
  ASSERT_TRUE(store.put(response("b"), start + 1min));
  EXPECT_TRUE(store.find("a", alice, start + 59min));
  store.sweep(start + 60min);
  EXPECT_EQ(store.size(), 2U);
  store.sweep(start + 61min);
  EXPECT_EQ(store.size(), 1U) << "b";
  EXPECT_FALSE(store.find("b", alice, start + 61min));
  EXPECT_TRUE(store.find("a", alice, start + 118min));
  EXPECT_FALSE(store.find("a", alice, start + 178min));
  EXPECT_EQ(store.held_bytes(), 0U);
}

TEST(ResponseStore, AConversationLastsAsLongAsItIsContinued) {
  ResponseStore store(settings);
  ASSERT_TRUE(store.put(response("a"), start));
  ASSERT_TRUE(store.put(response("b", "a", 2), start + 50min));
  EXPECT_EQ(conversation(store, "b", start + 55min), "ab");
  EXPECT_EQ(conversation(store, "b", start + 110min), "ab");
  EXPECT_EQ(conversation(store, "b", start + 170min), "itself");
}

TEST(ResponseStore, SharesWhatConversationsHaveInCommon) {
  ResponseStore store(settings);
  ASSERT_TRUE(store.put(response("a", "", 1, 100'000), start));
  const std::uint64_t before = store.kept_bytes();
  ASSERT_TRUE(store.put(response("b", "a", 2), start));
  ASSERT_TRUE(store.put(response("c", "b", 3), start));
  ASSERT_TRUE(store.put(response("d", "a", 2), start));
  EXPECT_LT(store.kept_bytes() - before, 10'000U);
  EXPECT_EQ(conversation(store, "c"), "abc");
  EXPECT_EQ(conversation(store, "d"), "ad");
  EXPECT_EQ(conversation(store, "a"), "a");
}

TEST(ResponseStore, ABrokenConversationIsNone) {
  ResponseStore store(settings);
  ASSERT_TRUE(store.put(response("a"), start));
  ASSERT_TRUE(store.put(response("b", "a", 2), start));
  ASSERT_TRUE(store.put(response("c", "b", 3), start));
  ASSERT_TRUE(store.erase("b", alice, start));
  EXPECT_EQ(conversation(store, "c"), "earlier");
  EXPECT_TRUE(store.find("c", alice, start)) << "as it is";
  EXPECT_EQ(conversation(store, "a"), "a");
}

TEST(ResponseStore, ForgetsWhatWasUsedLongestAgo) {
  ResponseStore store({.bytes = 10'000, .expiry = 1h, .turns = 10});
  for (const char* id : {"a", "b", "c"})
    ASSERT_TRUE(store.put(response(id, "", 1, 2000), start));
  ASSERT_TRUE(store.find("a", alice, start));
  ASSERT_TRUE(store.put(response("d", "", 1, 4000), start));
  EXPECT_TRUE(store.find("a", alice, start));
  EXPECT_FALSE(store.find("b", alice, start));
  EXPECT_TRUE(store.find("d", alice, start));
  EXPECT_LE(store.held_bytes(), 10'000U);
}

// Of several conversations the one that goes on stays, and of one its beginning goes first.
TEST(ResponseStore, KeepsTheConversationThatGoesOn) {
  ResponseStore store({.bytes = 11'000, .expiry = 1h, .turns = 10});
  ASSERT_TRUE(store.put(response("a", "", 1, 2000), start));
  ASSERT_TRUE(store.put(response("b", "a", 2, 2000), start));
  ASSERT_TRUE(store.put(response("x", "", 1, 2000), start));
  EXPECT_EQ(conversation(store, "b"), "ab");
  ASSERT_TRUE(store.put(response("c", "b", 3, 4000), start));
  EXPECT_FALSE(store.find("x", alice, start));
  EXPECT_EQ(conversation(store, "c"), "abc");
  ASSERT_TRUE(store.put(response("y", "", 1, 2000), start));
  EXPECT_EQ(conversation(store, "c"), "earlier");
  EXPECT_FALSE(store.find("a", alice, start));
}

TEST(ResponseStore, WhatIsTooLargeDrivesNothingOut) {
  ResponseStore store({.bytes = 10'000, .expiry = 1h, .turns = 10});
  ASSERT_TRUE(store.put(response("a", "", 1, 4000), start));
  EXPECT_FALSE(store.put(response("b", "", 1, 20'000), start));
  EXPECT_TRUE(store.find("a", alice, start));
  EXPECT_FALSE(store.find("b", alice, start));
  // What waits for its answer is nobody's to forget.
  ByteBudget::Hold waiting;
  ASSERT_TRUE(store.make_room(waiting, 5000));
  EXPECT_FALSE(store.put(response("c", "", 1, 6000), start));
  EXPECT_TRUE(store.find("a", alice, start));
  EXPECT_LE(store.held_bytes(), 10'000U);
}

TEST(ResponseStore, WhatIsReadCountsUntilItIsReadNoMore) {
  ResponseStore store({.bytes = 10'000, .expiry = 1h, .turns = 10});
  ASSERT_TRUE(store.put(response("a", "", 1, 6000), start));
  auto read = store.find("a", alice, start);
  EXPECT_FALSE(store.put(response("b", "", 1, 6000), start)) << "there would be too much";
  EXPECT_EQ(read->output().size(), 6002U);
  read = nullptr;
  EXPECT_EQ(store.held_bytes(), 0U);
  EXPECT_TRUE(store.put(response("b", "", 1, 6000), start));
}

TEST(ResponseStore, TakesWhatItsInputHasReservedIntoAccount) {
  ResponseStore store({.bytes = 10'000, .expiry = 1h, .turns = 10});
  StoredResponse made = response("a", "", 1, 8000);
  ASSERT_TRUE(store.make_room(made.held, 1000));
  ASSERT_TRUE(store.put(std::move(made), start));
  EXPECT_EQ(store.kept_bytes(), store.find("a", alice, start)->bytes());
}

TEST(ResponseStore, NewSettingsHoldAtOnce) {
  ResponseStore store(settings);
  for (const char* id : {"a", "b", "c"})
    ASSERT_TRUE(store.put(response(id, "", 1, 4000), start));
  store.set({.bytes = 10'000, .expiry = 1min, .turns = 2});
  EXPECT_LE(store.held_bytes(), 10'000U);
  EXPECT_FALSE(store.find("a", alice, start));
  EXPECT_TRUE(store.find("c", alice, start));
  EXPECT_EQ(store.settings().turns, 2U);
  EXPECT_FALSE(store.find("c", alice, start + 1min));
}

TEST(ResponseStore, ServesSeveralLoops) {
  ResponseStore store({.bytes = 100'000, .expiry = 1h, .turns = 10});
  const auto work = [&store](const std::string& name) {
    std::string previous;
    for (std::uint32_t i = 0; i < 2000; ++i) {
      const std::uint32_t turn = i % 8 + 1;
      if (turn == 1) previous.clear();
      const std::string id = name + std::to_string(i);
      if (!store.put(response(id, previous, turn), start)) continue;
      previous = id;
      (void)store.conversation(id, alice, start);
      if (i % 3 == 0) (void)store.erase(id, alice, start);
    }
  };
  std::vector<std::thread> loops;
  for (const char* name : {"a", "b", "c", "d"})
    loops.emplace_back(work, name);
  for (std::thread& loop : loops)
    loop.join();
  EXPECT_LE(store.kept_bytes(), 100'000U);
  EXPECT_EQ(store.kept_bytes(), store.held_bytes());
  store.sweep(start + 1h);
  EXPECT_EQ(store.size(), 0U);
  EXPECT_EQ(store.held_bytes(), 0U);
}

}  // namespace
}  // namespace rocket
