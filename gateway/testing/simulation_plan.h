#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "testing/sim_gateway.h"

namespace rocket {

// A backend that stays well all along, whatever happens to the others.
inline constexpr const char* sound_name = "sound";
// One whose probes are good and whose answers are all failures, that come at once.
inline constexpr const char* doomed_name = "doomed";

// What a simulated life begins with: who is there, and the settings.
struct SimPlan {
  // Too few places and too little room to wait for one: requests are turned away.
  bool crowded = false;
  // The retry budget and the attempts are what bounds failover.
  bool thrifty = false;
  bool has_sound = false;
  bool has_doomed = false;
  // Some answers are so long that an upstream learns late that nobody wants them any more.
  bool long_answers = false;
  // Clients speak every dialect, and some backends that of Anthropic.
  bool babel = false;
  // Clients need keys, which have limits and lists of what they may ask for.
  bool keyed = false;
  // Names of endpoints come to mean other machines.
  bool moving = false;
  Config config;
  std::vector<SimGateway::BackendSpec> specs;
  std::vector<std::string> names;  // of the backends, in their order

  [[nodiscard]] const SimGateway::BackendSpec& spec_of(const std::string& name) const;

  // Nothing but a failure of all backends can become visible.
  [[nodiscard]] bool hides_failures() const {
    return has_sound && !crowded && !thrifty && config.hedge.on;
  }
};

// Random draws of a simulated life. What a life was not made of in the beginning is drawn from
// dice of its own, so that a seed stays the life that it was.
class SimDice {
 public:
  explicit SimDice(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] bool chance(double share) { return random_.unit() < share; }
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_.uniform(bound); }
  [[nodiscard]] Duration up_to(std::uint64_t ms) {
    return std::chrono::milliseconds(random_.uniform(ms + 1));
  }
  template <class T>
  [[nodiscard]] const T& one_of(const std::vector<T>& all) {
    return all[below(all.size())];
  }

 private:
  Random random_;
};

// Settings that may be drawn again and reloaded while the life goes on.
void redraw_settings(SimDice& dice, const SimPlan& plan, Config& config);
[[nodiscard]] SimPlan make_sim_plan(SimDice& dice, SimDice& later);
// What opens the door with that key of the plan's, and what does not.
[[nodiscard]] std::string secret_of(const KeyConfig& key);
inline constexpr const char* no_secret = "rk-of-nobody";
// An endpoint of that kind that is well.
[[nodiscard]] FakeScript sound_script(SimDice& dice, FakeKind kind);
// How an endpoint of that kind behaves from now on.
[[nodiscard]] FakeScript random_script(SimDice& dice, FakeKind kind, bool long_answers);

}  // namespace rocket
