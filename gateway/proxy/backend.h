#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/load_figures.h"
#include "config/config.h"
#include "net/io.h"
#include "policy/address_guard.h"
#include "policy/capacity.h"
#include "policy/health.h"
#include "policy/key_ring.h"
#include "policy/outlier.h"
#include "policy/retry_budget.h"
#include "proxy/response_store.h"
#include "proxy/shared_breaker.h"
#include "schema/inventory.h"
#include "schema/quirks.h"

namespace rocket {

// One address of a backend and what is known of it. Shared by all loops, and kept over a reload
// that leaves it as it is. The atomics and the breaker are the only parts that change: health and
// inventory are written by loop 0 alone, the others by every loop.
struct Endpoint {
  std::string id;  // "ollama/0", as clients see it; the URL stays inside
  EndpointUrl url;
  Address address;
  std::string api_key;  // what this endpoint is called with; never logged or sent to a client
  // "host: ...\r\n" and, with a key, "authorization: ...\r\n". Never logged.
  std::string head_lines;
  std::uint64_t url_hash = 0;  // what sessions are drawn to

  std::atomic<Verdict> verdict = Verdict::unknown;  // of its probes
  std::atomic<ErrorCode> reason = ErrorCode::internal;
  Capacity places;  // of attempts
  std::atomic<OutlierMark> outlier{};
  // Of the model's name that it was asked for last.
  std::atomic<std::uint64_t> newest_model = 0;
  std::atomic<std::uint32_t> models_in_memory = 0;  // as its server told last
  std::atomic<bool> one_choice = false;             // Quirks, by the owner of its inventory
  SharedBreaker breaker;

  // A request like the last one would run into a rate limit until then, as its server has told.
  void note_no_room(TimePoint until) {
    no_room_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  }
  [[nodiscard]] bool has_room(TimePoint now) const {
    return now.time_since_epoch().count() >= no_room_until_.load(std::memory_order_relaxed);
  }

  // What its server told last of its load, and when.
  void note_load(LoadFigures figures, TimePoint now) {
    load_.store(figures, std::memory_order_relaxed);
    load_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  [[nodiscard]] TimePoint load_at() const {
    return TimePoint(Duration(load_at_.load(std::memory_order_relaxed)));
  }
  // Nothing told if that is longer ago than `fresh`.
  [[nodiscard]] LoadFigures load(TimePoint now, Duration fresh) const {
    const LoadFigures figures = load_.load(std::memory_order_relaxed);
    return figures.told() && now - load_at() <= fresh ? figures : LoadFigures{};
  }

  // Loop 0's own.
  struct Probed {
    struct Details {
      std::string digest;
      ModelFacts facts;
    };

    HealthTracker health{HealthTracker::Settings{}};
    bool inventory_known = false;
    bool asked = false;  // its first probe is over, whatever came of it
    std::string owner;
    std::vector<InventoryModel> models;
    std::string untold;  // why it is not known which, though it is alive
    // As a kind that lists them by themselves told last; it may never have.
    std::optional<std::vector<InventoryModel>> loaded;
    std::map<std::string, Details> details;  // by model: asked for once, and kept
    std::vector<std::string> missing_gauges;
    std::map<std::string_view, TimePoint> load_again_at;  // by path: it was not there
    RecentOutcomes outcomes;
  };
  Probed probed;

 private:
  std::atomic<TimePoint::rep> no_room_until_ = TimePoint::min().time_since_epoch().count();
  std::atomic<LoadFigures> load_{};
  std::atomic<TimePoint::rep> load_at_ = 0;
};

struct Backend {
  std::string name;
  BackendKind kind = BackendKind::openai;
  std::string default_model;
  // What it speaks well enough for a client's own bytes to pass; clients of other dialects are put
  // to it in the first.
  std::vector<Dialect> dialects;
  bool counts_tokens = false;  // at Anthropic's path
  std::string alive_path;
  std::vector<std::shared_ptr<Endpoint>> endpoints;
  std::shared_ptr<RetryBudget> retry_budget;
  std::shared_ptr<Capacity> places;  // of attempts, at all its endpoints together
  // What is done about files that a request names by their address: never `automatic`.
  MediaUrls media_urls = MediaUrls::refuse;

  [[nodiscard]] bool speaks(Dialect dialect) const {
    return std::ranges::find(dialects, dialect) != dialects.end();
  }
};

// One configuration in force: immutable but for its endpoints' atomics. A request works from
// the snapshot it began with. What it counts (budgets, endpoints) is handed on to the next one.
struct Snapshot {
  Config config;
  std::uint64_t revision = 0;
  std::vector<Backend> backends;
  std::shared_ptr<RetryBudget> retry_budget;  // of all backends together
  // Of requests for a configured name; only where it is limited.
  std::map<std::string, std::shared_ptr<Capacity>> route_places;
  Duration load_fresh{};                     // older figures of a server's load say nothing
  std::shared_ptr<const KeyRing> keys;       // null: clients need no key
  std::shared_ptr<ResponseStore> responses;  // null: none are kept
  AddressGuard media_guard;                  // of where files are fetched from
  std::string trace_lines;                   // header lines for the collector; never logged
};

// Builds the snapshot of a checked configuration. Endpoints and keys that `before` (may be null)
// has just so are taken over with all that is known of them. Errors: a secret that can not be
// read.
[[nodiscard]] Result<std::shared_ptr<const Snapshot>> make_snapshot(Config config,
                                                                    std::uint64_t revision,
                                                                    const Snapshot* before);

[[nodiscard]] CircuitBreaker::Settings breaker_settings(const BreakerConfig& config);

// The order in which the router tries backends, routes, and what each endpoint is known to have.
// Loop 0 only.
[[nodiscard]] struct RouterInput router_input(const Snapshot& snapshot);

}  // namespace rocket
