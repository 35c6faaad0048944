#include "batch/block_desk.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "testing/sim_batches.h"

// Desks over a simulated gateway: what is promised of batches whose blocks others give out.
namespace rocket {
namespace {

using End = DeskBatch::End;
using Names = std::multiset<std::string>;

constexpr std::uint32_t in_flight = 8;

Names all_of(int count) {
  Names names;
  for (int i = 0; i < count; ++i)
    names.insert("line-" + std::to_string(i));
  return names;
}

// One process `one` and a batch of `count` lines, each of which takes `time`.
class BlockDeskTest : public testing::Test {
 protected:
  void begin(int count, Duration time = 50ms) { begin_with(sim_lines(count), time); }
  // Of the model `slow`, whose server is `b`, lines may be in it as well.
  void begin_with(const std::string& text, Duration time) {
    Config config;
    config.batch.lines_in_flight = in_flight;
    config.batch.attempts = 1000;
    config.batch.backoff_max = 5s;
    config.limits.in_flight_per_endpoint = 1000;
    FakeScript slow;
    slow.models = {"slow"};
    gateway_.emplace(1,
                     std::vector<SimGateway::BackendSpec>{
                         {.name = "a", .endpoints = {FakeScript{}}, .default_model = "fake-model"},
                         {.name = "b", .endpoints = {slow}, .default_model = "slow"}},
                     config);
    batches_.emplace(*gateway_);
    batches_->start("one");
    id_ = batches_->make(text, 86'400, LineEngine::ray);
    batches_->run_for(2s);
    ASSERT_EQ(batches_->batch(id_).status, BatchStatus::in_progress);
    // Not before: what it has is asked of it as well.
    gateway_->fake("a").script().head_delay = time;
  }

  // The block is given to that process; `end` becomes what it says.
  void give(BlockRange range, std::optional<End>& end, std::uint32_t driver = 1,
            const std::string& process = "one", const std::string& cluster = "here") {
    const Given given{id_, range, {cluster, driver}, std::make_shared<BlockView>()};
    view_ = given.view;
    batches_->spawn(process, ask(batches_->desk(process), given, end));
  }
  [[nodiscard]] std::vector<BlockRange> unfinished() {
    std::vector<BlockRange> ranges;
    batches_->spawn("one", tell(batches_->desk("one"), id_, ranges));
    batches_->run_for(500ms);
    return ranges;
  }
  [[nodiscard]] std::uint64_t asked() { return gateway_->fake("a").counters().requests; }

  std::optional<SimGateway> gateway_;
  std::optional<SimBatches> batches_;
  std::string id_;
  std::shared_ptr<const BlockView> view_;  // of the block that was given last

 private:
  struct Given {
    std::string id;
    BlockRange range;
    JobDriver driver;
    std::shared_ptr<BlockView> view;
  };
  static Task<void> ask(BlockDesk& desk, Given given, std::optional<End>& end) {
    auto batch = co_await desk.open(given.id);
    if (!batch) co_return;
    const auto said = co_await (*batch)->work(given.range, given.driver, *given.view);
    end = said;
  }
  static Task<void> tell(BlockDesk& desk, std::string id, std::vector<BlockRange>& ranges) {
    auto batch = co_await desk.open(id);
    if (!batch) co_return;
    auto found = co_await (*batch)->unfinished();
    ranges = std::move(found);
  }
};

TEST_F(BlockDeskTest, nobody_asks_what_nobody_has_given) {
  begin(20);
  batches_->run_for(1min);
  EXPECT_EQ(asked(), 0U);
  EXPECT_EQ(unfinished(), (std::vector<BlockRange>{{0, 20}}));
}

TEST_F(BlockDeskTest, blocks_are_asked_once_and_the_batch_completes) {
  begin(100);
  std::optional<End> first;
  std::optional<End> second;
  give({0, 40}, first);
  batches_->run_for(5s);
  EXPECT_EQ(first, End::done);
  EXPECT_EQ(asked(), 40U);
  EXPECT_EQ(unfinished(), (std::vector<BlockRange>{{40, 100}}));
  give({30, 100}, second);
  const StoredBatch done = batches_->finish(id_);
  EXPECT_EQ(second, End::done);
  EXPECT_EQ(done.status, BatchStatus::completed);
  EXPECT_EQ(done.completed, 100U);
  EXPECT_EQ(batches_->names_in(done.output_file_id), all_of(100));
  EXPECT_EQ(asked(), 100U);
  EXPECT_LE(gateway_->fake("a").counters().in_flight_max, in_flight);
}

TEST_F(BlockDeskTest, a_block_given_to_two_has_one_result_a_line) {
  begin(60);
  batches_->start("other");
  std::optional<End> first;
  std::optional<End> second;
  give({0, 60}, first);
  give({0, 60}, second, 1, "other");
  const StoredBatch done = batches_->finish(id_);
  batches_->run_for(2s);
  EXPECT_EQ(done.completed, 60U);
  EXPECT_EQ(batches_->names_in(done.output_file_id), all_of(60));
  EXPECT_TRUE(first && second);
}

TEST_F(BlockDeskTest, a_newer_driver_calls_off_what_an_older_one_has_given) {
  begin(100, 1s);
  std::optional<End> old;
  std::optional<End> late;
  std::optional<End> fresh;
  give({0, 100}, old, 1);
  batches_->run_for(3s);
  give({50, 100}, fresh, 2);
  batches_->run_for(100ms);
  EXPECT_EQ(old, End::replaced);
  give({0, 50}, late, 1);
  batches_->run_for(500ms);
  EXPECT_EQ(late, End::replaced);
  EXPECT_EQ(fresh, std::nullopt);
  std::optional<End> rest;
  give({0, 50}, rest, 2);
  EXPECT_EQ(batches_->finish(id_).completed, 100U);
  EXPECT_EQ(fresh, End::done);
  EXPECT_LE(asked(), 100U + 2 * in_flight);
}

TEST_F(BlockDeskTest, cancelling_calls_blocks_off_and_takes_no_more_results) {
  begin(100, 1s);
  std::optional<End> end;
  give({0, 100}, end);
  batches_->run_for(5500ms);
  batches_->cancel(id_);
  const StoredBatch cancelled = batches_->finish(id_);
  batches_->run_for(5s);
  EXPECT_EQ(end, End::ended);
  EXPECT_EQ(cancelled.status, BatchStatus::cancelled);
  EXPECT_EQ(batches_->names_in(cancelled.output_file_id).size(), cancelled.completed);
  EXPECT_EQ(batches_->batch(id_).completed, cancelled.completed) << "nothing comes later";
  EXPECT_EQ(gateway_->fake("a").counters().in_flight, 0U);
}

// As where two of Ray's clusters share a store: no line is asked for both.
TEST_F(BlockDeskTest, a_batch_has_the_driver_of_one_cluster_as_long_as_somebody_works_for_it) {
  begin(100, 1s);
  batches_->start("other");
  std::optional<End> first;
  give({0, 100}, first, 1, "one", "here");
  batches_->run_for(1s);
  for (int i = 0; i < 8; ++i) {
    std::optional<End> refused;
    give({0, 100}, refused, 9, "other", "there");
    batches_->run_for(1s);
    EXPECT_EQ(refused, End::replaced) << i;
  }
  EXPECT_EQ(batches_->batch(id_).job_cluster, "here");
  EXPECT_EQ(first, std::nullopt);
  // It dies, and takes its children along.
  batches_->kill("one");
  const TimePoint died_at = gateway_->loop.now();
  std::optional<End> next;
  do {
    next.reset();
    give({0, 100}, next, 1, "other", "there");
    batches_->run_for(500ms);
  } while (next && gateway_->loop.now() - died_at < 1min);
  EXPECT_GE(gateway_->loop.now() - died_at, DeskBatch::job_lease - 1s);
  EXPECT_LE(gateway_->loop.now() - died_at, DeskBatch::job_lease + 1s);
  const StoredBatch done = batches_->finish(id_);
  batches_->run_for(2s);
  EXPECT_EQ(next, End::done);
  EXPECT_EQ(done.completed, 100U);
  EXPECT_LE(asked(), 100U + in_flight) << "what was under way when it died";
}

// A gateway that has not heard of the next driver hears of it from the store.
TEST_F(BlockDeskTest, a_newer_driver_is_obeyed_by_gateways_that_it_has_not_spoken_to) {
  begin(100, 1s);
  batches_->start("other");
  std::optional<End> old;
  std::optional<End> fresh;
  give({0, 50}, old, 1, "one");
  batches_->run_for(1500ms);
  give({50, 100}, fresh, 2, "other");
  batches_->run_for(1500ms);
  EXPECT_EQ(old, End::replaced);
  EXPECT_EQ(fresh, std::nullopt);
}

// Lines that are called off again and again are not suspected of ending anybody.
TEST_F(BlockDeskTest, being_called_off_is_held_against_no_line) {
  begin(4, 10s);
  constexpr std::uint32_t drivers = 2 * BatchPlan::given_up;
  std::array<std::optional<End>, drivers> ends;
  for (std::uint32_t driver = 0; driver < drivers; ++driver) {
    give({0, 4}, ends[driver], driver + 1);
    batches_->run_for(2s);
    EXPECT_EQ(ends[driver], std::nullopt);
  }
  std::optional<End> end;
  give({0, 4}, end, 1000);
  const StoredBatch done = batches_->finish(id_);
  EXPECT_EQ(done.completed, 4U);
  EXPECT_EQ(done.failed, 0U);
}

TEST_F(BlockDeskTest, who_drains_finishes_what_it_asks_and_begins_nothing) {
  begin(100, 1s);
  std::optional<End> end;
  give({0, 100}, end);
  batches_->run_for(1500ms);
  batches_->spawn("one", batches_->desk("one").drain(gateway_->loop.now() + 30s));
  batches_->run_for(5s);
  EXPECT_EQ(end, End::stopped);
  EXPECT_LE(asked(), 3 * in_flight);
  EXPECT_EQ(batches_->batch(id_).completed, asked()) << "all that was asked is written";
}

TEST_F(BlockDeskTest, a_killed_process_loses_nothing_that_was_written) {
  begin(200);
  for (int i = 0; i < 4; ++i) {
    const std::string name = "process-" + std::to_string(i);
    batches_->start(name);
    std::optional<End> end;
    give({0, 200}, end, 1, name);
    batches_->run_for(300ms);
    batches_->kill(name);
  }
  std::optional<End> end;
  give({0, 200}, end);
  const StoredBatch done = batches_->finish(id_);
  EXPECT_EQ(done.completed, 200U);
  EXPECT_EQ(done.failed, 0U);
  EXPECT_EQ(batches_->names_in(done.output_file_id), all_of(200));
  EXPECT_LE(asked(), 200U + 4 * in_flight);
}

std::string slow_lines(int count) {
  std::string text = sim_lines(count, "", "slow");
  for (std::size_t at = 0; (at = text.find("fake-model", at)) != std::string::npos;)
    text.replace(at, 10, "slow");
  return text;
}

// Whoever gives out blocks can give others meanwhile, and these have all places.
TEST_F(BlockDeskTest, a_block_whose_model_is_throttled_says_that_it_waits_and_holds_no_place) {
  begin_with(slow_lines(100) + sim_lines(400), 100ms);
  gateway_->fake("b").script().status = 429;
  std::optional<End> slow;
  give({0, 100}, slow);
  const auto first = view_;
  EXPECT_FALSE(first->waits());
  batches_->run_for(2s);
  EXPECT_TRUE(first->waits());
  std::optional<End> quick;
  give({100, 500}, quick);
  const auto second = view_;
  int waited = 0;
  for (int i = 0; i < 50; ++i) {
    batches_->run_for(100ms);
    waited += first->waits() ? 1 : 0;
    EXPECT_FALSE(second->waits()) << i;
  }
  EXPECT_GT(waited, 30) << "now and then it asks again";
  batches_->run_for(2s);
  EXPECT_EQ(quick, End::done) << "400 lines, eight at a time, take 5 s; with half the places 10";
  EXPECT_EQ(slow, std::nullopt);
  gateway_->fake("b").script().status = 200;
  EXPECT_EQ(batches_->finish(id_, 30s).completed, 500U);
  EXPECT_EQ(slow, End::done);
  EXPECT_FALSE(first->waits());
  EXPECT_EQ(gateway_->fake("a").counters().requests, 400U);
  EXPECT_LE(gateway_->fake("a").counters().in_flight_max, in_flight);
}

// Its lines are few, or they take their time: it is nobody's turn but theirs.
TEST_F(BlockDeskTest, a_block_that_is_asked_does_not_wait) {
  begin_with(sim_lines(20, R"("fake":{"head_delay_ms":5000},)"), 0s);
  std::optional<End> end;
  give({0, 20}, end);
  for (int i = 0; i < 60 && !end; ++i) {
    batches_->run_for(500ms);
    EXPECT_FALSE(view_->waits()) << i;
  }
  EXPECT_EQ(end, End::done);
}

TEST_F(BlockDeskTest, a_server_that_is_away_is_waited_for) {
  begin_with(slow_lines(20), 0s);
  gateway_->refuse("b");
  std::optional<End> end;
  give({0, 20}, end);
  batches_->run_for(20s);
  EXPECT_TRUE(view_->waits());
  gateway_->link("b").connect = SimLink::Connect::accept;
  EXPECT_EQ(batches_->finish(id_, 1min).completed, 20U);
  EXPECT_EQ(end, End::done);
}

TEST_F(BlockDeskTest, others_batches_are_none_of_its) {
  begin(1);
  const std::string local = batches_->make(sim_lines(1000));
  batches_->run_for(100ms);
  bool found = true;
  const auto look = [](BlockDesk& desk, std::string id, bool& there) -> Task<void> {
    const auto batch = co_await desk.open(std::move(id));
    there = batch.has_value();
  };
  batches_->spawn("one", look(batches_->desk("one"), local, found));
  batches_->run_for(100ms);
  EXPECT_FALSE(found);
}

}  // namespace
}  // namespace rocket
