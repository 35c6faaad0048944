#include "testing/simulation_plan.h"

#include <algorithm>

namespace rocket {
namespace {

// Long enough to wait for a first token at every endpoint, one after the other.
constexpr Duration total_timeout = std::chrono::seconds(150);

struct Kind {
  FakeKind fake;
  BackendKind real;
};

Kind random_kind(SimDice& dice) {
  static const std::vector<Kind> kinds{{FakeKind::llama_cpp, BackendKind::openai},
                                       {FakeKind::ollama, BackendKind::ollama},
                                       {FakeKind::vllm, BackendKind::vllm},
                                       {FakeKind::lmstudio, BackendKind::lmstudio}};
  return dice.one_of(kinds);
}

// Of these an upstream learns late, or at some length, that nobody wants its answer any more.
bool is_long(Fault fault) {
  return fault == Fault::endless_head || fault == Fault::long_line || fault == Fault::head_64k ||
         fault == Fault::continue_flood;
}

void draw_status(SimDice& dice, FakeScript& script) {
  static const std::vector<int> statuses{429, 500, 503, 529};
  static const std::vector<std::string> waits{"", "", "2", "5", "90", "-1", "1000000000", "soon"};
  script.fault = Fault::none;
  script.status = dice.one_of(statuses);
  script.retry_after = dice.one_of(waits);
}

void draw_fault(SimDice& dice, FakeScript& script, bool long_answers) {
  static const std::vector<Fault> all = all_faults();
  if (dice.chance(0.25)) return draw_status(dice, script);
  // What is met most often outside.
  static const std::vector<Fault> usual{Fault::hang_before_head, Fault::reset_before_head,
                                        Fault::reset_mid_stream, Fault::hang_mid_stream};
  do {
    script.fault = dice.chance(0.3) ? dice.one_of(usual) : dice.one_of(all);
  } while (is_long(script.fault) && !long_answers);
}

SimGateway::BackendSpec backend_of(std::string name, const Kind& kind) {
  SimGateway::BackendSpec spec;
  spec.name = std::move(name);
  spec.kind = kind.real;
  spec.default_model = "fake-model";
  return spec;
}

// The others come first as often as last.
void add_anywhere(SimDice& dice, std::vector<SimGateway::BackendSpec>& specs,
                  SimGateway::BackendSpec spec) {
  const auto at = static_cast<std::ptrdiff_t>(dice.below(specs.size() + 1));
  specs.insert(specs.begin() + at, std::move(spec));
}

void add_backends(SimDice& dice, SimDice& later, SimPlan& plan) {
  const auto any_kind = [&] {
    const Kind kind = random_kind(dice);
    if (!plan.babel || !later.chance(0.3)) return kind;
    return Kind{FakeKind::anthropic, BackendKind::anthropic};
  };
  const std::uint64_t count = 1 + dice.below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Kind kind = any_kind();
    auto spec = backend_of("b" + std::to_string(i), kind);
    const std::uint64_t endpoints = 1 + dice.below(3);
    for (std::uint64_t k = 0; k < endpoints; ++k)
      spec.endpoints.push_back(random_script(dice, kind.fake, plan.long_answers));
    plan.specs.push_back(std::move(spec));
  }
  if (plan.has_sound) {
    const Kind kind = any_kind();
    auto spec = backend_of(sound_name, kind);
    spec.endpoints.push_back(sound_script(dice, kind.fake));
    add_anywhere(dice, plan.specs, std::move(spec));
  }
  if (plan.has_doomed) {
    const Kind kind = any_kind();
    auto spec = backend_of(doomed_name, kind);
    FakeScript script = sound_script(dice, kind.fake);
    script.status = 500;
    script.head_delay = dice.up_to(20);
    spec.endpoints.push_back(script);
    plan.specs.insert(plan.specs.begin(), std::move(spec));
  }
  for (const SimGateway::BackendSpec& spec : plan.specs)
    plan.names.push_back(spec.name);
}

KeyConfig random_key(SimDice& dice, const SimPlan& plan, std::uint64_t number) {
  static const std::vector<Lane> lanes{Lane::interactive, Lane::normal, Lane::batch};
  const auto from = [&](std::uint64_t least, std::uint64_t span) {
    return static_cast<std::uint32_t>(least + dice.below(span));
  };
  KeyConfig key;
  key.name = "k" + std::to_string(number);
  key.hash = sha256(secret_of(key));
  key.lane = dice.one_of(lanes);
  if (dice.chance(0.4)) key.concurrent = from(1, 6);
  if (dice.chance(0.4)) key.rpm = from(3, 60);
  if (dice.chance(0.2)) key.tpm = from(300, 20'000);
  if (dice.chance(0.2)) key.models = {"fake-*"};
  if (dice.chance(0.25)) key.backends = {dice.one_of(plan.names), dice.one_of(plan.names)};
  return key;
}

void add_keys(SimDice& dice, SimPlan& plan) {
  plan.config.keys_file.path = "keys.yaml";
  const std::uint64_t count = 1 + dice.below(4);
  for (std::uint64_t i = 0; i < count; ++i)
    plan.config.keys_file.keys.push_back(random_key(dice, plan, i));
}

}  // namespace

const SimGateway::BackendSpec& SimPlan::spec_of(const std::string& name) const {
  return *std::ranges::find(specs, name, &SimGateway::BackendSpec::name);
}

std::string secret_of(const KeyConfig& key) {
  return "rk-of-" + key.name;
}

FakeScript sound_script(SimDice& dice, FakeKind kind) {
  FakeScript script;
  script.kind = kind;
  script.models = {"fake-model", "other-model"};
  script.event_delay = dice.up_to(50);
  return script;
}

void redraw_settings(SimDice& dice, const SimPlan& plan, Config& config) {
  config.timeouts.first_token = 2s + dice.up_to(3000);
  // An endpoint that has to load a model may be silent for longer.
  config.timeouts.load = config.timeouts.first_token + 2s;
  config.timeouts.idle = 1s + dice.up_to(3000);
  config.heartbeat = dice.chance(0.5) ? 500ms + dice.up_to(2000) : 0s;
  config.embedding_batching.wait = dice.up_to(20);
  config.embedding_batching.inputs = static_cast<std::uint32_t>(2 + dice.below(30));
  config.embedding_batching.on = dice.chance(0.9);
  if (!plan.crowded) return;
  const auto few = [&](std::uint64_t most) { return static_cast<std::uint32_t>(dice.below(most)); };
  config.limits.in_flight_per_endpoint = 1 + few(3);
  config.lanes.interactive = {1 + few(8), few(12)};
  config.lanes.normal = {1 + few(8), few(12)};
  config.lanes.batch = {1 + few(8), few(12)};
  config.timeouts.queue = dice.chance(0.2) ? 0s : 100ms + dice.up_to(5000);
}

SimPlan make_sim_plan(SimDice& dice, SimDice& later) {
  SimPlan plan;
  plan.babel = later.chance(0.4);
  plan.keyed = later.chance(0.25);
  plan.moving = later.chance(0.3);
  const std::uint64_t sort = dice.below(10);
  plan.crowded = sort < 3;
  plan.thrifty = sort == 3 || sort == 4;
  plan.has_sound = dice.chance(plan.thrifty ? 0.3 : 0.75);
  plan.has_doomed = plan.hides_failures() && dice.chance(0.3);
  plan.long_answers = dice.chance(0.2);
  Config& config = plan.config;
  config.timeouts.total = total_timeout;
  config.breaker.consecutive = static_cast<std::uint32_t>(3 + dice.below(3));
  config.hedge.on = dice.chance(0.85);
  if (plan.thrifty) {
    config.retry.attempts = static_cast<std::uint32_t>(2 + dice.below(20));
    config.retry.budget = dice.chance(0.5) ? 0 : 0.2;
    config.retry.budget_min = dice.chance(0.5) ? 0 : 3;
  } else {
    // Bounds of its own, which the thrifty lives have, would make failures visible.
    config.retry.attempts = 100;
    config.retry.budget_min = 1000;
  }
  redraw_settings(dice, plan, config);
  add_backends(dice, later, plan);
  if (plan.keyed) add_keys(later, plan);
  return plan;
}

FakeScript random_script(SimDice& dice, FakeKind kind, bool long_answers) {
  FakeScript script = sound_script(dice, kind);
  script.head_delay = dice.up_to(dice.chance(0.1) ? 4000 : 200);
  script.event_delay = dice.up_to(dice.chance(0.1) ? 2000 : 100);
  script.at = dice.below(8);
  if (dice.chance(0.6)) draw_fault(dice, script, long_answers);
  if (dice.chance(0.2)) script.keep_alive = dice.up_to(3000);
  if (dice.chance(0.3)) script.at_byte = dice.below(3000);
  if (dice.chance(0.2)) script.models = {dice.chance(0.5) ? "fake-model" : "other-model"};
  if (kind == FakeKind::ollama || kind == FakeKind::lmstudio) script.loaded = script.models;
  return script;
}

}  // namespace rocket
