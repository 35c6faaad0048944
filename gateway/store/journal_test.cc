#include <array>

#include "testing/any_store.h"

// The journal of batches' lines in any store; store_test.cc has it made.
namespace rocket {
namespace {

TEST_P(AnyStore, AResultIsKeptForEverAndCountedOnce) {
  ASSERT_TRUE(store_->add_batch(batch("1")));
  ASSERT_TRUE(store_->add_batch(batch("2")));
  const std::array<std::uint32_t, 4> begun{3, 0, 1, 3};
  ASSERT_TRUE(store_->begin_lines("batch_1", begun, {}));
  ASSERT_TRUE(store_->begin_lines("batch_1", std::array<std::uint32_t, 1>{1}, {}));
  EXPECT_EQ(store_->begun_lines("batch_1").value(),
            (std::vector<BegunLine>{{0, 1}, {1, 2}, {3, 1}}));
  const std::vector<LineResult> first{answer(1, R"({"n":1})"), error(3)};
  EXPECT_EQ(store_->finish_lines("batch_1", first).value(), 2U);
  const std::vector<LineResult> again{answer(1, "another"), answer(3), answer(0), answer(0, "2")};
  EXPECT_EQ(store_->finish_lines("batch_1", again).value(), 1U);
  EXPECT_EQ(store_->finish_lines("batch_1", again).value(), 0U);
  open();
  EXPECT_TRUE(store_->begun_lines("batch_1").value().empty());
  EXPECT_EQ(store_->finished_lines("batch_1").value(),
            (std::vector<bool>{true, true, false, true}));
  EXPECT_EQ(store_->results("batch_1", false, -1, 10).value(),
            (std::vector<LineResult>{answer(0), answer(1, R"({"n":1})")}));
  EXPECT_EQ(store_->results("batch_1", false, 0, 10).value(),
            (std::vector<LineResult>{answer(1, R"({"n":1})")}));
  EXPECT_EQ(store_->results("batch_1", false, -1, 1).value(), (std::vector<LineResult>{answer(0)}));
  EXPECT_EQ(store_->results("batch_1", true, -1, 10).value(), (std::vector<LineResult>{error(3)}));
  const StoredBatch counted = found("1");
  EXPECT_EQ(counted.completed, 2U);
  EXPECT_EQ(counted.failed, 1U);
  EXPECT_EQ(counted.tokens, (BatchTokens{.input = 20, .cached = 4, .output = 10, .reasoning = 2}));
  // An update leaves them alone, and another batch has its own.
  StoredBatch older = batch("1");
  older.status = BatchStatus::in_progress;
  EXPECT_TRUE(store_->update_batch(older, BatchStatus::validating).value());
  EXPECT_EQ(found("1").tokens, counted.tokens);
  EXPECT_EQ(found("1").completed, 2U);
  EXPECT_EQ(found("2").completed, 0U);
  EXPECT_TRUE(store_->finished_lines("batch_2").value().empty());
  // A line that is begun although it has a result is not begun.
  ASSERT_TRUE(store_->begin_lines("batch_1", begun, {}));
  EXPECT_TRUE(store_->begun_lines("batch_1").value().empty());
}

TEST_P(AnyStore, TheJournalOfABatchEndsWithIt) {
  ASSERT_TRUE(store_->add_batch(batch("1")));
  ASSERT_TRUE(store_->add_batch(batch("2")));
  const std::array<std::uint32_t, 2> lines{0, 1};
  const std::vector<LineResult> results{answer(0)};
  for (const char* const id : {"batch_1", "batch_2"}) {
    ASSERT_TRUE(store_->begin_lines(id, lines, {}));
    EXPECT_EQ(store_->finish_lines(id, results).value(), 1U);
  }
  StoredBatch ended = batch("1");
  ended.status = BatchStatus::completed;
  // Not by who is late.
  EXPECT_FALSE(store_->update_batch(ended, BatchStatus::finalizing).value());
  EXPECT_EQ(store_->finished_lines("batch_1").value(), std::vector<bool>{true});
  EXPECT_TRUE(store_->update_batch(ended, BatchStatus::validating).value());
  EXPECT_TRUE(store_->finished_lines("batch_1").value().empty());
  EXPECT_TRUE(store_->begun_lines("batch_1").value().empty());
  // Whoever was stopped, and has lost its lease meanwhile, has an answer as well.
  const std::vector<LineResult> late{answer(0), answer(1), error(2)};
  EXPECT_EQ(store_->finish_lines("batch_1", late).value(), 0U);
  EXPECT_TRUE(store_->finished_lines("batch_1").value().empty());
  EXPECT_EQ(found("1").completed, 1U);
  EXPECT_EQ(found("1").failed, 0U);
  EXPECT_EQ(store_->begin_lines("batch_1", lines, {}).error().code, ErrorCode::batch_not_found);
  EXPECT_EQ(store_->finished_lines("batch_2").value(), std::vector<bool>{true});
}

TEST_P(AnyStore, ResultsAreOfferedToABatchThatIsInProgress) {
  ASSERT_TRUE(store_->add_batch(batch("1")));
  const std::vector<LineResult> results{answer(0), error(1)};
  EXPECT_EQ(store_->offer_lines("batch_1", results).value(), 0U) << "it is validated";
  StoredBatch next = batch("1");
  next.status = BatchStatus::in_progress;
  ASSERT_TRUE(store_->update_batch(next, BatchStatus::validating).value());
  EXPECT_EQ(store_->offer_lines("batch_1", results).value(), 2U);
  EXPECT_EQ(store_->offer_lines("batch_1", results).value(), 0U) << "once";
  EXPECT_EQ(found("1").completed, 1U);
  EXPECT_EQ(found("1").failed, 1U);
  next.status = BatchStatus::cancelling;
  ASSERT_TRUE(store_->update_batch(next, BatchStatus::in_progress).value());
  const std::vector<LineResult> late{answer(2)};
  EXPECT_EQ(store_->offer_lines("batch_1", late).value(), 0U) << "its files are being written";
  EXPECT_EQ(found("1").completed, 1U);
  EXPECT_EQ(store_->offer_lines("batch_9", late).value(), 0U);
}

TEST_P(AnyStore, FindsTheBatchesOfAnEngineThatAreAtWork) {
  for (const char* const id : {"1", "2", "3", "4"}) {
    StoredBatch one = batch(id);
    one.engine = std::string_view(id) == "2" ? "local" : "ray";
    one.owner = std::string("owner-") + id;
    ASSERT_TRUE(store_->add_batch(one));
    one.status = BatchStatus::completed;
    if (std::string_view(id) == "3") {
      ASSERT_TRUE(store_->update_batch(one, BatchStatus::validating).value());
    }
  }
  const auto at_work = store_->batches_at_work("ray").value();
  ASSERT_EQ(at_work.size(), 2U);
  EXPECT_EQ(at_work[0].id, "batch_1");
  EXPECT_EQ(at_work[0].owner, "owner-1");
  EXPECT_EQ(at_work[1].id, "batch_4");
  EXPECT_TRUE(store_->batches_at_work("other").value().empty());
}

TEST_P(AnyStore, LinesThatWereCalledOffAreBegunOnceLess) {
  ASSERT_TRUE(store_->add_batch(batch("1")));
  const std::array<std::uint32_t, 3> lines{0, 1, 2};
  ASSERT_TRUE(store_->begin_lines("batch_1", lines, {}));
  ASSERT_TRUE(store_->begin_lines("batch_1", std::array<std::uint32_t, 1>{1}, {}));
  ASSERT_TRUE(store_->unbegin_lines("batch_1", std::array<std::uint32_t, 3>{0, 1, 9}));
  EXPECT_EQ(store_->begun_lines("batch_1").value(),
            (std::vector<BegunLine>{{0, 0}, {1, 1}, {2, 1}}));
  EXPECT_EQ(store_->unbegin_lines("batch_9", lines).error().code, ErrorCode::batch_not_found);
}

TEST_P(AnyStore, WhoHasLostTheLeaseBeginsNoLine) {
  ASSERT_TRUE(store_->add_batch(batch("1")));
  const std::array<std::uint32_t, 1> lines{0};
  const auto refused = [&](const std::string& holder) {
    return !store_->begin_lines("batch_1", lines, holder);
  };
  EXPECT_TRUE(refused("x")) << "nobody has it yet";
  EXPECT_EQ(leased("x", 1000, 2000), Ids{"batch_1"});
  EXPECT_FALSE(refused("x"));
  EXPECT_EQ(leased("y", 3000, 4000), Ids{"batch_1"});
  EXPECT_TRUE(refused("x"));
  EXPECT_FALSE(refused("y"));
  EXPECT_FALSE(refused("")) << "who is given blocks has none";
  EXPECT_EQ(store_->begun_lines("batch_1").value(), (std::vector<BegunLine>{{0, 3}}));
}

TEST_P(AnyStore, ManyLinesAreOneTransaction) {
  ASSERT_TRUE(store_->add_batch(batch("1")));
  std::vector<std::uint32_t> lines;
  std::vector<LineResult> results;
  for (std::uint32_t line = 0; line < 1000; ++line) {
    lines.push_back(line);
    results.push_back(line % 10 == 0 ? error(line) : answer(line));
  }
  ASSERT_TRUE(store_->begin_lines("batch_1", lines, {}));
  EXPECT_EQ(store_->begun_lines("batch_1").value().size(), 1000U);
  EXPECT_EQ(store_->finish_lines("batch_1", results).value(), 1000U);
  EXPECT_EQ(found("1").completed, 900U);
  EXPECT_EQ(found("1").failed, 100U);
  EXPECT_EQ(store_->finished_lines("batch_1").value(), std::vector<bool>(1000, true));
}

TEST_P(AnyStore, LinesOfNoBatchAreRefused) {
  const std::array<std::uint32_t, 1> lines{0};
  const std::vector<LineResult> results{answer(0)};
  EXPECT_EQ(store_->begin_lines("batch_9", lines, {}).error().code, ErrorCode::batch_not_found);
  EXPECT_EQ(store_->finish_lines("batch_9", results).error().code, ErrorCode::batch_not_found);
  EXPECT_EQ(store_->finished_lines("batch_9").error().code, ErrorCode::batch_not_found);
}

}  // namespace
}  // namespace rocket
