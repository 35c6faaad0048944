#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/problem.h"
#include "proxy/health_prober.h"

namespace rocket {

// What differs though it can only be set when Rocket starts; none: nothing does.
[[nodiscard]] std::optional<Problem> not_reloadable(const Config& before, const Config& after);

// What decides, on loop 0, which configuration is in force, and tells all loops: the one place
// where snapshots and routers are made.
class Control {
 public:
  // Hands a snapshot and a router to every loop, loop 0 before it returns.
  using Publish =
      std::function<void(std::shared_ptr<const Snapshot>, std::shared_ptr<const Router>)>;

  Control(LoopState& loop, Log& log, Publish publish);

  // Puts a checked configuration in force. Endpoints that stay keep their health, inventory and
  // connections; requests under way end with the configuration they began with. Errors leave
  // everything as it was: a secret that can not be read, or a setting that can not be reloaded.
  [[nodiscard]] Result<void> apply(Config config);

  [[nodiscard]] const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
  // Endpoints that a reload has taken out of use, for as long as requests run there.
  struct Removed {
    std::string backend;
    BackendKind kind;
    std::shared_ptr<const Endpoint> endpoint;
  };
  [[nodiscard]] const std::vector<Removed>& draining();

  // Every endpoint has been asked once.
  [[nodiscard]] bool probed() const { return prober_.first_round_done(); }

 private:
  void publish_router();
  void note_removed(const Snapshot& before, const Snapshot& after);

  LoopState& loop_;
  Log& log_;
  Publish publish_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<Removed> removed_;
  HealthProber prober_;
};

}  // namespace rocket
