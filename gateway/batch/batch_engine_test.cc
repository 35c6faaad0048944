#include "batch/batch_engine.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/sim_batches.h"

// Engines over a simulated gateway: what is promised of batches, whatever dies.
namespace rocket {
namespace {

using nlohmann::json;
using Names = std::multiset<std::string>;

std::vector<SimGateway::BackendSpec> one_backend(Duration time = 50ms) {
  FakeScript script;
  script.head_delay = time;
  return {{.name = "a", .endpoints = {script}, .default_model = "fake-model"}};
}

// Each line takes the backend a second. (A backend that takes so long for everything can not be
// asked what it has.)
constexpr const char* a_second = R"("fake":{"head_delay_ms":1000},)";

Config with_lines_in_flight(std::uint32_t lines) {
  Config config;
  config.batch.lines_in_flight = lines;
  config.limits.in_flight_per_endpoint = 1000;
  return config;
}

Names all_of(int count, const std::string& name = "line") {
  Names names;
  for (int i = 0; i < count; ++i)
    names.insert(name + '-' + std::to_string(i));
  return names;
}

TEST(BatchEngine, answers_every_line_once_in_the_order_of_the_file) {
  SimGateway gateway(1, one_backend(), with_lines_in_flight(16));
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id = batches.make(sim_lines(100));
  const StoredBatch done = batches.finish(id);
  EXPECT_EQ(done.status, BatchStatus::completed);
  EXPECT_EQ(done.total, 100U);
  EXPECT_EQ(done.completed, 100U);
  EXPECT_EQ(done.failed, 0U);
  EXPECT_GT(done.tokens.input, 0U);
  EXPECT_EQ(done.tokens.output, 400U) << "four tokens each";
  EXPECT_TRUE(done.error_file_id.empty());
  EXPECT_NE(done.in_progress_at, 0);
  EXPECT_NE(done.finalizing_at, 0);
  EXPECT_NE(done.completed_at, 0);
  EXPECT_EQ(batches.names_in(done.output_file_id), all_of(100));
  const std::string first = batches.files().get(done.output_file_id).substr(0, 200);
  EXPECT_TRUE(first.contains("\"custom_id\":\"line-0\"")) << first;
  const auto file = batches.store().find_file("", done.output_file_id);
  ASSERT_TRUE(file && *file);
  EXPECT_EQ((*file)->purpose, "batch_output");
  EXPECT_EQ((*file)->bytes, batches.files().get(done.output_file_id).size());
  EXPECT_EQ(gateway.fake("a").counters().requests, 100U);
  EXPECT_LE(gateway.fake("a").counters().in_flight_max, 16U);
  EXPECT_GE(gateway.fake("a").counters().in_flight_max, 15U);
  EXPECT_EQ(batches.store().results(id, false, -1, 10)->size(), 0U) << "the journal is dropped";
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(BatchEngine, a_file_that_is_no_batch_fails_with_its_problems) {
  SimGateway gateway(1, one_backend());
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id = batches.make(sim_lines(2) + "{\n" + sim_lines(1));
  const StoredBatch failed = batches.finish(id);
  EXPECT_EQ(failed.status, BatchStatus::failed);
  EXPECT_NE(failed.failed_at, 0);
  const json errors = json::parse(failed.errors);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0]["code"], "invalid_json_line");
  EXPECT_EQ(errors[0]["line"], 3);
  EXPECT_EQ(errors[1]["code"], "duplicate_custom_id");
  EXPECT_EQ(errors[1]["line"], 4);
  EXPECT_EQ(gateway.fake("a").counters().requests, 0U);
}

TEST(BatchEngine, a_file_that_has_gone_fails_the_batch) {
  SimGateway gateway(1, one_backend());
  SimBatches batches(gateway);
  const std::string id = batches.make(sim_lines(2));
  batches.files().remove("file-1");
  batches.start("one");
  EXPECT_EQ(batches.finish(id).status, BatchStatus::failed);
}

// What a file loses after it has been opened is not missed.
TEST(BatchEngine, a_file_may_be_deleted_under_way) {
  SimGateway gateway(1, one_backend(), with_lines_in_flight(4));
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id = batches.make(sim_lines(100));
  batches.run_for(200ms);
  batches.files().remove("file-1");
  EXPECT_EQ(batches.finish(id).completed, 100U);
}

TEST(BatchEngine, refusals_go_into_the_error_file) {
  SimGateway gateway(1, one_backend());
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id =
      batches.make(sim_lines(3, R"("fake":{"status":400},)", "bad") + sim_lines(3));
  const StoredBatch done = batches.finish(id);
  EXPECT_EQ(done.status, BatchStatus::completed);
  EXPECT_EQ(done.completed, 3U);
  EXPECT_EQ(done.failed, 3U);
  EXPECT_EQ(batches.names_in(done.output_file_id), all_of(3));
  EXPECT_EQ(batches.names_in(done.error_file_id), all_of(3, "bad"));
  EXPECT_EQ(gateway.fake("a").counters().requests, 6U) << "a refusal is not asked again";
}

TEST(BatchEngine, lines_that_need_no_backend_take_no_time) {
  SimGateway gateway(1, one_backend(), with_lines_in_flight(4));
  SimBatches batches(gateway);
  batches.run_for(1s);
  std::string text = sim_lines(100);
  constexpr std::string_view known = "fake-model";
  for (auto at = text.find(known); at != std::string::npos; at = text.find(known, at))
    text.replace(at, known.size(), "nobody-has-it");
  batches.start("one");
  const StoredBatch done = batches.finish(batches.make(text), 5s);
  EXPECT_EQ(done.status, BatchStatus::completed);
  EXPECT_EQ(done.failed, 100U);
  EXPECT_EQ(gateway.fake("a").counters().requests, 0U);
}

TEST(BatchEngine, what_fails_for_now_is_asked_again) {
  SimGateway gateway(1, one_backend(), with_lines_in_flight(4));
  SimBatches batches(gateway);
  batches.start("one");
  gateway.fake("a").script().status = 503;
  const std::string id = batches.make(sim_lines(4));
  batches.run_for(3s);
  gateway.fake("a").script().status = 200;
  const StoredBatch done = batches.finish(id);
  EXPECT_EQ(done.completed, 4U);
  EXPECT_EQ(done.failed, 0U);
}

TEST(BatchEngine, a_line_that_always_fails_ends_in_the_error_file) {
  Config config = with_lines_in_flight(4);
  config.batch.attempts = 2;
  SimGateway gateway(1, one_backend(), config);
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id = batches.make(sim_lines(2, R"("fake":{"status":500},)"));
  const StoredBatch done = batches.finish(id);
  EXPECT_EQ(done.status, BatchStatus::completed);
  EXPECT_EQ(done.failed, 2U);
  EXPECT_EQ(batches.names_in(done.error_file_id), all_of(2));
}

TEST(BatchEngine, while_nobody_can_be_asked_it_waits_and_loses_nothing) {
  SimGateway gateway(1, one_backend(), with_lines_in_flight(4));
  SimBatches batches(gateway);
  gateway.refuse("a");
  batches.run_for(30s);
  batches.start("one");
  const std::string id = batches.make(sim_lines(20));
  batches.run_for(10min);
  EXPECT_EQ(batches.batch(id).status, BatchStatus::in_progress);
  EXPECT_EQ(batches.batch(id).failed, 0U);
  gateway.link("a").connect = SimLink::Connect::accept;
  const StoredBatch done = batches.finish(id);
  EXPECT_EQ(done.completed, 20U);
  EXPECT_EQ(done.failed, 0U);
}

// A gateway whose key may have only so many at once is never asked more for long, and nobody stays
// away from it for the second that its refusals name.
TEST(BatchEngine, who_takes_only_so_many_at_once_is_asked_so_many) {
  for (const std::uint32_t places : {1U, 2U, 7U}) {
    SCOPED_TRACE(places);
    Config config = with_lines_in_flight(64);
    config.batch.attempts = 1;
    SimGateway gateway(1, one_backend(100ms), config);
    SimBatches batches(gateway);
    gateway.fake("a").script().concurrent = places;
    batches.run_for(1s);
    batches.start("one");
    const int lines = 100;
    const Duration least = lines * 100ms / places;
    const StoredBatch done = batches.finish(batches.make(sim_lines(lines)), least + 2s);
    EXPECT_EQ(done.status, BatchStatus::completed);
    EXPECT_EQ(done.completed, std::uint64_t{lines});
    EXPECT_LE(gateway.fake("a").counters().requests, lines + 2 * 64U);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// Two models, each of a backend of its own; lines of `slow` come first.
std::vector<SimGateway::BackendSpec> two_backends() {
  auto specs = one_backend();
  specs.front().name = "b";
  FakeScript script;
  script.models = {"slow"};
  specs.push_back({.name = "a", .endpoints = {script}, .default_model = "slow"});
  return specs;
}

std::string slow_lines(int count, const std::string& more = "") {
  std::string text = sim_lines(count, more, "slow");
  for (std::size_t at = 0; (at = text.find("fake-model", at)) != std::string::npos;)
    text.replace(at, 10, "slow");
  return text;
}

TEST(BatchEngine, a_model_that_is_asked_once_at_a_time_holds_back_no_other) {
  SimGateway gateway(1, two_backends(), with_lines_in_flight(8));
  SimBatches batches(gateway);
  gateway.fake("a").script().concurrent = 1;
  batches.run_for(1s);
  batches.start("one");
  const std::string id = batches.make(slow_lines(60, a_second) + sim_lines(400));
  batches.run_for(6s);
  EXPECT_EQ(gateway.fake("b").counters().requests, 400U) << "seven at a time take 3 s";
  EXPECT_GE(gateway.fake("a").counters().requests, 5U);
  const StoredBatch done = batches.finish(id, 60s);
  EXPECT_EQ(done.completed, 460U) << "and its one place was never left alone";
  EXPECT_EQ(gateway.leftovers(), "");
}

struct Trouble {
  const char* name;
  std::function<void(SimGateway&)> begin;
  std::function<void(SimGateway&)> end;
};

TEST(BatchEngine, a_model_that_nobody_can_answer_now_holds_back_no_other) {
  const auto status = [](int code, const char* retry_after) {
    return [=](SimGateway& gateway) {
      gateway.fake("a").script().status = code;
      gateway.fake("a").script().retry_after = retry_after;
    };
  };
  const Trouble troubles[] = {
      {"429", status(429, ""), status(200, "")},
      {"429 for 2 s", status(429, "2"), status(200, "")},
      {"503 for 7 s", status(503, "7"), status(200, "")},
      {"down", [](SimGateway& gateway) { gateway.refuse("a"); },
       [](SimGateway& gateway) { gateway.link("a").connect = SimLink::Connect::accept; }},
  };
  for (const Trouble& trouble : troubles) {
    SCOPED_TRACE(trouble.name);
    Config config = with_lines_in_flight(8);
    config.batch.attempts = 100;
    config.batch.backoff_max = 5s;
    SimGateway gateway(1, two_backends(), config);
    SimBatches batches(gateway);
    trouble.begin(gateway);
    batches.run_for(1s);
    batches.start("one");
    const std::string id = batches.make(slow_lines(100) + sim_lines(1500));
    batches.run_for(25s);
    EXPECT_EQ(gateway.fake("b").counters().requests, 1500U) << "eight at a time take 10 s";
    trouble.end(gateway);
    const StoredBatch done = batches.finish(id, 60s);
    EXPECT_EQ(done.completed, 1600U);
    EXPECT_EQ(batches.names_in(done.output_file_id).size(), 1600U);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// What has been answered and is not written counts as in flight.
void kill_and_count(std::uint64_t seed, Duration time) {
  constexpr std::uint32_t in_flight = 8;
  constexpr std::uint32_t kills = 6;
  SCOPED_TRACE("seed " + std::to_string(seed));
  SimGateway gateway(seed, one_backend(time), with_lines_in_flight(in_flight));
  SimBatches batches(gateway);
  Random random(seed);
  const std::string id = batches.make(sim_lines(2000));
  for (std::uint32_t i = 0; i < kills; ++i) {
    const std::string name = "process-" + std::to_string(i);
    batches.start(name);
    batches.run_for(std::chrono::milliseconds(random.uniform(6000)));
    batches.kill(name);
  }
  batches.start("last");
  const StoredBatch done = batches.finish(id);
  EXPECT_EQ(done.status, BatchStatus::completed);
  EXPECT_EQ(done.completed, 2000U);
  EXPECT_EQ(batches.names_in(done.output_file_id), all_of(2000));
  EXPECT_LE(gateway.fake("a").counters().requests, 2000U + kills * in_flight);
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(BatchEngine, a_killed_process_loses_nothing_and_repeats_what_was_in_flight) {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
    kill_and_count(seed, 50ms);
    kill_and_count(seed, 10ms);
  }
}

// A result waits for others while its place is not wanted, and not longer.
TEST(BatchEngine, with_few_in_flight_no_line_waits_for_a_group_to_be_written) {
  Config config = with_lines_in_flight(1);
  config.batch.commit = 1s;
  SimGateway gateway(1, one_backend(10ms), config);
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id = batches.make(sim_lines(100));
  EXPECT_EQ(batches.finish(id, 10s).completed, 100U);
  EXPECT_EQ(gateway.fake("a").counters().in_flight_max, 1U);
}

TEST(BatchEngine, a_dead_process_s_batch_is_taken_over_within_ten_seconds) {
  SimGateway gateway(1, one_backend(), with_lines_in_flight(1));
  SimBatches batches(gateway);
  batches.start("one");
  batches.start("other");
  const std::string id = batches.make(sim_lines(400));
  batches.run_for(2s);
  const std::string holder = batches.engine("one").running() == 1 ? "one" : "other";
  const std::string other = holder == "one" ? "other" : "one";
  EXPECT_EQ(batches.engine(holder).running(), 1U);
  EXPECT_EQ(batches.engine(other).running(), 0U) << "it has one owner";
  batches.run_for(12s);
  EXPECT_EQ(batches.engine(other).running(), 0U) << "whoever lives keeps it";
  batches.kill(holder);
  const std::uint64_t asked = gateway.fake("a").counters().requests;
  batches.run_for(10s);
  EXPECT_EQ(batches.engine(other).running(), 1U);
  EXPECT_GT(gateway.fake("a").counters().requests, asked);
  EXPECT_EQ(batches.names_in(batches.finish(id).output_file_id), all_of(400));
}

TEST(BatchEngine, cancelling_closes_what_is_asked_and_keeps_what_was_answered) {
  SimGateway gateway(1, one_backend(1ms), with_lines_in_flight(4));
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id = batches.make(sim_lines(100, a_second));
  batches.run_for(3500ms);
  EXPECT_EQ(gateway.fake("a").counters().in_flight, 4U);
  batches.cancel(id);
  batches.run_for(50ms);
  EXPECT_EQ(gateway.fake("a").counters().in_flight, 0U);
  EXPECT_EQ(gateway.fake("a").counters().aborted, 4U);
  const StoredBatch done = batches.finish(id, 1s);
  EXPECT_EQ(done.status, BatchStatus::cancelled);
  EXPECT_NE(done.cancelled_at, 0);
  EXPECT_EQ(done.completed, 12U);
  EXPECT_EQ(done.failed, 88U) << "every line has a result";
  Names names = batches.names_in(done.output_file_id);
  EXPECT_EQ(names.size(), 12U);
  names.merge(batches.names_in(done.error_file_id));
  EXPECT_EQ(names, all_of(100));
  EXPECT_TRUE(batches.files().get(done.error_file_id).contains("\"code\":\"batch_cancelled\""));
  EXPECT_EQ(gateway.fake("a").counters().requests, 16U) << "no line is begun any more";
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(BatchEngine, what_is_not_answered_in_time_expires) {
  SimGateway gateway(1, one_backend(1ms), with_lines_in_flight(4));
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id = batches.make(sim_lines(100, a_second), 10);
  const StoredBatch done = batches.finish(id, 20s);
  EXPECT_EQ(done.status, BatchStatus::expired);
  EXPECT_NE(done.expired_at, 0);
  EXPECT_GE(done.completed, 32U);
  EXPECT_EQ(done.completed + done.failed, 100U) << "every line has a result";
  Names names = batches.names_in(done.output_file_id);
  names.merge(batches.names_in(done.error_file_id));
  EXPECT_EQ(names, all_of(100));
  EXPECT_TRUE(batches.files().get(done.error_file_id).contains("\"code\":\"batch_expired\""));
}

TEST(BatchEngine, a_store_that_refuses_for_a_while_costs_nothing_but_time) {
  SimGateway gateway(1, one_backend(), with_lines_in_flight(4));
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id = batches.make(sim_lines(200));
  batches.run_for(500ms);
  const std::uint64_t written = batches.batch(id).completed;
  batches.store().refuse(Error{ErrorCode::store_full, "no space left"});
  batches.run_for(8s);
  const std::uint64_t asked = gateway.fake("a").counters().requests;
  EXPECT_LE(asked, written + 4) << "what is not written has a place among those in flight";
  batches.run_for(22s);
  EXPECT_EQ(gateway.fake("a").counters().requests, asked) << "nothing that can not be kept";
  batches.store().refuse(std::nullopt);
  const StoredBatch done = batches.finish(id);
  EXPECT_EQ(done.status, BatchStatus::completed);
  EXPECT_EQ(batches.names_in(done.output_file_id), all_of(200));
  EXPECT_EQ(gateway.fake("a").counters().requests, 200U) << "none was asked twice";
}

TEST(BatchEngine, a_line_that_takes_processes_down_is_given_up) {
  SimGateway gateway(1, one_backend(), with_lines_in_flight(4));
  SimBatches batches(gateway);
  const std::string id = batches.make(sim_lines(8));
  StoredBatch begun = batches.batch(id);
  begun.status = BatchStatus::in_progress;
  begun.total = 8;
  ASSERT_TRUE(batches.store().update_batch(begun, BatchStatus::validating).value());
  const std::uint32_t culprit[] = {3};
  const std::uint32_t suspect[] = {5};
  for (std::uint32_t i = 0; i < BatchPlan::given_up; ++i)
    ASSERT_TRUE(batches.store().begin_lines(id, culprit, {}));
  for (std::uint32_t i = 0; i < BatchPlan::suspected; ++i)
    ASSERT_TRUE(batches.store().begin_lines(id, suspect, {}));
  batches.start("one");
  const StoredBatch done = batches.finish(id);
  EXPECT_EQ(done.completed, 7U);
  EXPECT_EQ(batches.names_in(done.error_file_id), Names{"line-3"});
  EXPECT_TRUE(batches.files().get(done.error_file_id).contains("line_lost"));
}

TEST(BatchEngine, a_drain_finishes_what_is_asked_and_gives_the_batch_back) {
  SimGateway gateway(1, one_backend(1ms), with_lines_in_flight(4));
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id = batches.make(sim_lines(20, a_second));
  batches.run_for(1500ms);
  batches.spawn("one", batches.engine("one").drain(gateway.loop.now() + 30s));
  batches.run_for(2s);
  EXPECT_EQ(batches.engine("one").running(), 0U);
  EXPECT_EQ(batches.batch(id).completed, 8U);
  EXPECT_EQ(gateway.fake("a").counters().requests, 8U);
  EXPECT_EQ(gateway.fake("a").counters().aborted, 0U);
  for (const BegunLine& ahead : batches.store().begun_lines(id).value())
    EXPECT_EQ(ahead.times, 0U) << ahead.line;
  batches.kill("one");
  batches.start("other");
  batches.run_for(200ms);
  EXPECT_EQ(batches.engine("other").running(), 1U) << "at once: nobody holds it";
  EXPECT_EQ(batches.finish(id).completed, 20U);
  EXPECT_EQ(gateway.fake("a").counters().requests, 20U);
}

TEST(BatchEngine, an_orderly_end_is_held_against_no_line) {
  SimGateway gateway(1, one_backend(1ms), with_lines_in_flight(4));
  SimBatches batches(gateway);
  const std::string id = batches.make(sim_lines(4, R"("fake":{"head_delay_ms":20000},)"));
  for (std::uint32_t i = 0; i < BatchPlan::given_up + 1; ++i) {
    const std::string name = "process-" + std::to_string(i);
    batches.start(name);
    // A lease that was not given back has to run out.
    batches.run_for(8s);
    EXPECT_EQ(gateway.fake("a").counters().in_flight, 4U) << i;
    batches.spawn(name, batches.engine(name).drain(gateway.loop.now() + 1s));
    batches.run_for(2s);
    EXPECT_EQ(gateway.fake("a").counters().in_flight, 0U) << i;
    batches.kill(name);
  }
  batches.start("last");
  const StoredBatch done = batches.finish(id);
  EXPECT_EQ(done.completed, 4U);
  EXPECT_EQ(done.failed, 0U);
}

TEST(BatchEngine, people_come_first) {
  Config config = with_lines_in_flight(64);
  config.limits.in_flight_per_endpoint = 8;
  SimGateway gateway(1, one_backend(100ms), config);
  SimBatches batches(gateway);
  batches.start("one");
  const std::string id = batches.make(sim_lines(300));
  batches.run_for(1s);
  EXPECT_LE(gateway.fake("a").counters().in_flight_max, 7U) << "batches leave a place";
  EXPECT_LE(gateway.admission.waiting(Lane::batch), 9U);
  for (int i = 0; i < 20; ++i) {
    const auto request = gateway.send(sim_chat(false, "\"model\":\"fake-model\","));
    batches.run_for(150ms);
    EXPECT_TRUE(request->ended());
    EXPECT_EQ(request->status(), 200);
  }
  EXPECT_EQ(batches.finish(id).completed, 300U);
}

TEST(BatchEngine, several_batches_share_what_there_is) {
  SimGateway gateway(1, one_backend(), with_lines_in_flight(8));
  SimBatches batches(gateway);
  batches.start("one");
  const std::string large = batches.make(sim_lines(1000));
  batches.run_for(500ms);
  const std::string small = batches.make(sim_lines(20, "", "small"));
  EXPECT_EQ(batches.finish(small, 2s).completed, 20U);
  EXPECT_FALSE(has_ended(batches.batch(large).status));
  EXPECT_EQ(batches.finish(large).completed, 1000U);
  EXPECT_LE(gateway.fake("a").counters().in_flight_max, 8U);
}

}  // namespace
}  // namespace rocket
