#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "net/connection_pool.h"
#include "net/http_connection.h"
#include "net/io.h"
#include "policy/router.h"
#include "proxy/admission.h"
#include "proxy/backend.h"
#include "proxy/media_places.h"
#include "proxy/pace.h"
#include "telemetry/access_log.h"
#include "telemetry/backend_metrics.h"
#include "telemetry/receipt_book.h"
#include "telemetry/trace_queue.h"

namespace rocket {

// What one loop knows of one endpoint besides what all loops share.
struct EndpointUse {
  std::shared_ptr<Endpoint> endpoint;
  std::shared_ptr<ConnectionPool> pool;
};

// Where this loop's traces go: otlp.
struct TraceTarget {
  EndpointUrl url;
  std::string ca_file;
  std::string head_lines;  // headers that the collector asks for; never logged
  std::shared_ptr<ConnectionPool> pool;
};

// What a loop works from: replaced whole when a configuration or an inventory changes, and held
// by each exchange for as long as it runs, so that no exchange sees a mixture.
struct Current {
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const Router> router;
  std::vector<std::vector<EndpointUse>> endpoints;       // by backend, by endpoint
  std::vector<std::shared_ptr<BackendMetrics>> metrics;  // by backend
  std::vector<std::shared_ptr<BackendPace>> paces;       // by backend
  HttpSettings http;
  std::shared_ptr<ReceiptBook> receipts;
  std::optional<TraceTarget> traces;  // none: nothing is traced
};

// Everything of the request's path that belongs to one loop. No singletons: whoever needs
// something of it is given it.
struct LoopState {
  Io& io;
  ByteBudget& bodies;
  MetricShard& metrics;
  AccessLog& access_log;
  Random random;
  std::shared_ptr<const Current> current;
  // Reads the ends of answers off connections that go back to their pools.
  TaskGroup read_offs;
  // Ended requests whose spans are to be sent.
  TraceQueue traces;
  MediaPlaces media;
  Admission& admission;
  bool draining = false;  // connections end with the answer they are at
  bool cutting = false;   // what is still under way ends here: no client has hung up

  // Makes `snapshot` and `router` what new requests work from. Pools of endpoints that stay are
  // kept.
  void replace(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const Router> router);
  // Closes connections that have been idle too long, and forgets responses that nobody has asked
  // for.
  void sweep() const;
};

}  // namespace rocket
