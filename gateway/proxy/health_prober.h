#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/loop_state.h"

namespace rocket {

// Asks every endpoint, on its own and off the request path, whether it is alive and what it has,
// and keeps the verdict and the inventory of loop 0's view up to date. Knows the kinds only
// through schema/quirks.
class HealthProber {
 public:
  // `inventory_changed` is called whenever an endpoint's models have changed or become known.
  HealthProber(LoopState& loop, Log& log, std::function<void()> inventory_changed);

  // Probes the endpoints of the loop's current snapshot from now on, and no others. Endpoints
  // that were probed before keep what is known of them.
  void restart();

  // Every endpoint of the first snapshot has been asked, with whatever result. Stays so. From any
  // loop.
  [[nodiscard]] bool first_round_done() const {
    return first_round_done_.load(std::memory_order_acquire);
  }

 private:
  struct Target {
    const Backend* backend;
    EndpointUse use;
  };

  [[nodiscard]] Task<void> watch(std::shared_ptr<const Current> current, size_t backend,
                                 size_t endpoint);
  [[nodiscard]] Task<void> probe(const Config& config, Target target);
  [[nodiscard]] Task<Result<std::string>> ask(const Config& config, Target target,
                                              std::string path);
  [[nodiscard]] Task<void> read_models(const Config& config, Target target, std::string alive_body);
  [[nodiscard]] Task<void> read_loaded(const Config& config, Target target,
                                       std::vector<InventoryModel>* models);
  void record(const Target& target, const Result<std::string>& alive);

  LoopState& loop_;
  Log& log_;
  std::function<void()> inventory_changed_;
  size_t outstanding_ = 0;
  std::atomic<bool> first_round_done_ = false;
  TaskGroup watches_;
};

}  // namespace rocket
