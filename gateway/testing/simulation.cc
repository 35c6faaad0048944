#include "testing/simulation.h"

#include <algorithm>
#include <set>
#include <vector>

#include "testing/simulation_answers.h"
#include "testing/simulation_books.h"
#include "testing/simulation_calls.h"
#include "testing/simulation_faults.h"
#include "testing/simulation_keys.h"
#include "testing/simulation_plan.h"
#include "testing/simulation_request.h"

namespace rocket {
namespace {

// At most so long until the gateway has noticed that a client has gone and its upstream has, too.
constexpr Duration noticed_after = std::chrono::milliseconds(1500);
// At most so long from a stream's first content at its client until who lost has been called off.
constexpr Duration called_off_after = std::chrono::milliseconds(200);
// Requests of one life that are alive at the same time.
constexpr size_t live_most = 50;

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed)
      : dice_(seed),
        later_(seed ^ later_seeds),
        sharing_(seed ^ sharing_seeds),
        plan_(make_sim_plan(dice_, later_)),
        calls_(plan_),
        keys_(plan_, calls_),
        gateway_(seed, plan_.specs, plan_.config),
        faults_(dice_, plan_, gateway_, calls_),
        began_(gateway_.loop.now()) {
    for (size_t i = 0; i < calls_.hosts().size(); ++i) {
      const UpstreamCalls::Host& host = calls_.hosts()[i];
      gateway_.fake(host.backend, host.index).watch(calls_.watch(i, gateway_.loop));
    }
    note_configuration();
  }

  std::string run() {
    const std::uint64_t steps = 5 + dice_.below(40);
    for (std::uint64_t i = 0; i < steps && failure_.empty(); ++i)
      step();
    if (plan_.moving) go_on_slowly();
    if (failure_.empty() && dice_.chance(0.3)) {
      pass(10ms);
      gateway_.drain();
    }
    // Lets every request end, as each must within its deadline.
    pass(plan_.config.timeouts.total + 40s);
    for (const auto& asked : asked_)
      note(answers_.judge(*asked, asked_));
    note(calls_.judge(asked_, gateway_.loop.now() - began_,
                      [&](const SimAsked& asked) { return answers_.sound_can_answer(asked); }));
    note(keys_.judge(asked_));
    note(judge_books(gateway_, asked_));
    check_upstreams();
    asked_.clear();
    check_leftovers();
    return failure_;
  }

 private:
  void note(const std::string& failure) {
    if (failure_.empty()) failure_ = failure;
  }

  // What the gateway holds from now on, to be looked at again in the end.
  void note_configuration() {
    const auto& current = gateway_.state.current;
    currents_.push_back(current);
    for (const Backend& backend : current->snapshot->backends)
      endpoints_.insert(backend.endpoints.begin(), backend.endpoints.end());
    calls_.set_most(current->snapshot->config.limits.in_flight_per_endpoint);
  }

  // One thing happens, then some time passes.
  void step() {
    const std::uint64_t what = dice_.below(20);
    if (what < 10) {
      send(1);
    } else if (what < 12) {
      send(2 + dice_.below(10));
      if (shares_) send_alike(3 + sharing_.below(6));
    } else if (what < 17) {
      faults_.disturb();
    } else if (what == 17) {
      hang_up_together();
    } else if (what == 18) {
      reload();
    } else if (plan_.moving) {
      faults_.move(later_);
    }
    pass(dice_.up_to(dice_.chance(0.2) ? 6000 : 300));
  }

  // For so long that a connection which is never idle would be seen to outlive a name's meaning.
  void go_on_slowly() {
    constexpr int requests = 25;
    for (int i = 0; i < requests && failure_.empty(); ++i) {
      send(1);
      pass(later_.up_to(3000));
    }
  }

  void send(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count && !crowded(); ++i) {
      asked_.push_back(std::make_unique<SimAsked>(dice_, later_, plan_, asked_.size()));
      SimAsked& asked = *asked_.back();
      const std::uint64_t most = dice_.chance(0.5) ? 20 : 3000;
      if (dice_.chance(0.25)) asked.hang_up_at = gateway_.loop.now() + dice_.up_to(most);
      asked.send(gateway_);
    }
  }

  void send_alike(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count && !crowded(); ++i) {
      asked_.push_back(std::make_unique<SimAsked>(sharing_, plan_, asked_.size()));
      asked_.back()->send(gateway_);
    }
  }

  [[nodiscard]] bool crowded() const {
    const auto live = std::ranges::count_if(asked_, [](const auto& one) { return one->live(); });
    return static_cast<size_t>(live) >= live_most;
  }

  // Clients that lose their patience one after the other, which says nothing about a backend.
  void hang_up_together() {
    const size_t before = asked_.size();
    send(4 + dice_.below(8));
    for (size_t i = before; i < asked_.size(); ++i)
      asked_[i]->hang_up_at = gateway_.loop.now() + 4ms + dice_.up_to(30);
  }

  void reload() {
    Config config = gateway_.control.snapshot()->config;
    redraw_settings(dice_, plan_, config);
    if (dice_.chance(0.5)) change_backends(config);
    if (!gateway_.control.apply(config)) note("a good configuration was refused");
    note_configuration();
  }

  // One that is there goes, or one that has gone comes back.
  void change_backends(Config& config) {
    const std::string& name = dice_.one_of(plan_.names);
    if (name == sound_name || name == doomed_name) return;
    for (UpstreamCalls::Host& host : calls_.hosts()) {
      if (host.backend == name) host.tame = host.always_there = false;
    }
    const auto is_it = [&](const BackendConfig& one) { return one.name == name; };
    const auto there = std::ranges::find_if(config.backends, is_it);
    if (there == config.backends.end()) {
      const auto& all = first_.backends;
      config.backends.push_back(*std::ranges::find_if(all, is_it));
      config.order.push_back(name);
    } else if (config.backends.size() > 1) {
      config.backends.erase(there);
      std::erase(config.order, name);
    }
  }

  void pass(Duration time) {
    constexpr Duration look_again = 100ms;
    const TimePoint end = gateway_.loop.now() + time;
    while (gateway_.loop.now() < end && failure_.empty()) {
      TimePoint next = end;
      for (const auto& asked : asked_) {
        if (!asked->live()) continue;
        next = std::min({next, asked->hang_up_at, gateway_.loop.now() + look_again});
      }
      next = std::min(next, faults_.next());
      gateway_.loop.run_until(std::max(next, gateway_.loop.now()));
      faults_.go_on();
      for (const auto& asked : asked_) {
        if (asked->live() && asked->hang_up_at <= gateway_.loop.now())
          asked->hang_up(gateway_.loop.now());
      }
      look();
    }
  }

  // What must be so at every moment.
  void look() {
    const TimePoint now = gateway_.loop.now();
    note(calls_.failure());
    note(keys_.look(asked_));
    for (const auto& asked : asked_) {
      if (asked->embeddings()) continue;
      if (asked->hung_up_at() != never) {
        if (now > asked->hung_up_at() + noticed_after && calls_.under_way(asked->id()) != 0) {
          note("an upstream works on for a client that has gone" + calls_.story_of(asked->id()));
        }
        continue;
      }
      if (!asked->live()) continue;
      if (now > asked->request().sent_at() + plan_.config.timeouts.total + 2s) {
        note("a request has not ended within its deadline");
      }
      if (!asked->streamed()) continue;
      if (asked->content_seen_at == never && asked->has_content()) asked->content_seen_at = now;
      if (asked->content_seen_at < now - called_off_after && calls_.under_way(asked->id()) > 1) {
        note("two upstreams answer a request that is committed to one of them" +
             calls_.story_of(asked->id()));
      }
    }
    if (plan_.has_sound) look_at_sound();
  }

  // Whatever its clients and the others do, it is well and does what there is to do.
  void look_at_sound() {
    const Endpoint& sound = gateway_.endpoint(sound_name);
    const TimePoint now = gateway_.loop.now();
    if (sound.breaker.standing(now).state != BreakerState::closed) {
      note("a sound endpoint is left alone");
    }
    if (sound.verdict.load() != Verdict::healthy) note("a sound endpoint is not taken for healthy");
    // Longer than a request waits for a place where it disturbs nobody (proxy/entrance).
    constexpr int moments = 2200;
    for (int i = 0; someone_waits_for_sound() && !sound.places.full(Lane::batch); ++i) {
      if (i == moments) return note("a request waits although there is a place for it");
      gateway_.loop.run_for(1ms);
    }
  }

  // More wait than may not ask it.
  [[nodiscard]] bool someone_waits_for_sound() const {
    std::ptrdiff_t waiting = 0;
    for (const Lane lane : all_lanes)
      waiting += static_cast<std::ptrdiff_t>(gateway_.admission.waiting(lane));
    return waiting > std::ranges::count_if(asked_, [&](const auto& asked) {
             return asked->live() && !answers_.sound_can_answer(*asked);
           });
  }

  void check_upstreams() {
    if (gateway_.malformed() != 0) note("an upstream was sent something that is not canonical");
  }

  void check_leftovers() {
    gateway_.thaw_all();
    const std::string left = gateway_.leftovers();
    if (!left.empty()) note("left in the end: " + left);
    for (const auto& endpoint : endpoints_) {
      if (endpoint->places.held() != 0) note("in flight at one that has gone: " + endpoint->id);
    }
    for (size_t i = 0; i + 1 < currents_.size(); ++i) {
      const auto held = currents_[i].lock();
      if (held && held != gateway_.state.current) note("a configuration that has gone is held");
    }
  }

  static constexpr std::uint64_t later_seeds = 0x5eed'ed5e;
  static constexpr std::uint64_t sharing_seeds = 0xca11'ed5e;

  SimDice dice_;
  SimDice later_;
  SimDice sharing_;
  // Some of its clients ask for vectors at once and in the same way.
  const bool shares_ = sharing_.chance(0.3);
  const SimPlan plan_;
  UpstreamCalls calls_;
  SimKeys keys_;
  SimAnswers answers_{plan_, calls_, keys_};
  SimGateway gateway_;
  SimFaults faults_;
  TimePoint began_;
  const Config first_ = gateway_.control.snapshot()->config;
  AllAsked asked_;
  // All that have ever been.
  std::set<std::shared_ptr<Endpoint>> endpoints_;
  std::vector<std::weak_ptr<const Current>> currents_;
  std::string failure_;
};

}  // namespace

std::string simulate(std::uint64_t seed) {
  Simulation simulation(seed);
  return simulation.run();
}

}  // namespace rocket
