#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/metrics.h"
#include "telemetry/process_stats.h"

// The Prometheus text format, version 0.0.4.
namespace rocket {

inline constexpr std::string_view exposition_content_type =
    "text/plain; version=0.0.4; charset=utf-8";

// What GET /metrics answers: the counted families, then the program and its process.
class Exposition {
 public:
  Exposition(const Metrics& metrics, std::string_view version)
      : metrics_(metrics), version_(version) {}

  // Tells of one more event loop how long it has been busy, which any thread may ask; before
  // text() is first called.
  void add_loop(std::function<Duration()> busy) { loops_.push_back(std::move(busy)); }

  // From any thread. `now` is what error rates look back from.
  [[nodiscard]] std::string text(TimePoint now) const;

 private:
  const Metrics& metrics_;
  std::string version_;
  std::vector<std::function<Duration()>> loops_;
  ProcessStats process_;
};

}  // namespace rocket
