#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/fetch.h"
#include "proxy/loop_state.h"

namespace rocket {

// Asks every endpoint, on its own and off the request path, whether it is alive, what it has and
// how busy it is; keeps verdict, inventory and load of all loops' view up to date, and compares the
// endpoints of a backend with each other. Knows the kinds only through schema/quirks.
class HealthProber {
 public:
  // `inventory_changed` is called whenever an endpoint's models, or what is known of them, have
  // changed or become known, or have turned out not to be had.
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
    std::shared_ptr<const Snapshot> snapshot;
    const Backend* backend;
    EndpointUse use;
    [[nodiscard]] Endpoint& endpoint() const { return *use.endpoint; }
    [[nodiscard]] Endpoint::Probed& probed() const { return use.endpoint->probed; }
  };

  [[nodiscard]] Task<void> watch(std::shared_ptr<const Current> current, size_t backend,
                                 size_t endpoint);
  [[nodiscard]] Task<void> probe(Target target);
  [[nodiscard]] Task<Result<Fetched>> ask(Target target, std::string path, std::string body = {});
  void record(const Target& target, const Result<Fetched>& answer);
  void tell_change(const Target& target, const Error& failure);

  [[nodiscard]] Task<void> read_models(Target target, std::string alive_body);
  [[nodiscard]] Task<void> read_loaded(Target target);
  [[nodiscard]] Task<void> read_details(Target target, const Inventory* inventory);
  [[nodiscard]] Task<void> read_load(Target target);
  void note_untold(const Target& target, std::string why);
  void note_missing(const Target& target, std::vector<std::string> missing);
  void compare(const Target& target, size_t backend);

  [[nodiscard]] TimePoint now() const { return loop_.io.timers.now(); }

  LoopState& loop_;
  Log& log_;
  std::function<void()> inventory_changed_;
  size_t outstanding_ = 0;
  std::atomic<bool> first_round_done_ = false;
  TaskGroup watches_;
};

}  // namespace rocket
