#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "net/io.h"
#include "policy/capacity.h"
#include "policy/health.h"
#include "policy/key_ring.h"
#include "policy/retry_budget.h"
#include "proxy/shared_breaker.h"
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

  std::atomic<Verdict> verdict = Verdict::unknown;
  std::atomic<ErrorCode> reason = ErrorCode::internal;
  Capacity places;  // of attempts
  SharedBreaker breaker;

  // Loop 0's own.
  struct Probed {
    HealthTracker health{HealthTracker::Settings{}};
    bool inventory_known = false;
    std::vector<InventoryModel> models;
  };
  Probed probed;
};

struct Backend {
  std::string name;
  BackendKind kind = BackendKind::openai;
  std::string default_model;
  std::string alive_path;
  std::vector<std::shared_ptr<Endpoint>> endpoints;
  std::shared_ptr<RetryBudget> retry_budget;
  std::shared_ptr<Capacity> places;  // of attempts, at all its endpoints together
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
  std::shared_ptr<const KeyRing> keys;  // null: clients need no key
};

// Builds the snapshot of a checked configuration. Endpoints and keys that `before` (may be null)
// has just so are taken over with all that is known of them. Errors: a secret that can not be
// read.
[[nodiscard]] Result<std::shared_ptr<const Snapshot>> make_snapshot(Config config,
                                                                    std::uint64_t revision,
                                                                    const Snapshot* before);

// The order in which the router tries backends, routes, and what each endpoint is known to have.
// Loop 0 only.
[[nodiscard]] struct RouterInput router_input(const Snapshot& snapshot);

}  // namespace rocket
