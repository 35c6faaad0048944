#include "schema/server_load.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "wire/json.h"
#include "wire/metrics_text.h"

namespace rocket {
namespace {

enum class Meaning : unsigned char { waiting, running, cache };

struct Gauge {
  std::string_view name;
  Meaning meaning;
};

// vLLM's first, each the newest of its meaning; gpu_cache_usage_perc is what it was called before
// 0.11.
constexpr std::array gauges{
    Gauge{"vllm:num_requests_waiting", Meaning::waiting},
    Gauge{"vllm:num_requests_running", Meaning::running},
    Gauge{"vllm:kv_cache_usage_perc", Meaning::cache},
    Gauge{"vllm:gpu_cache_usage_perc", Meaning::cache},
    Gauge{"sglang:num_queue_reqs", Meaning::waiting},
    Gauge{"sglang:num_running_reqs", Meaning::running},
    Gauge{"sglang:token_usage", Meaning::cache},
    Gauge{"llamacpp:requests_deferred", Meaning::waiting},
    Gauge{"llamacpp:requests_processing", Meaning::running},
    Gauge{"llamacpp:kv_cache_usage_ratio", Meaning::cache},
};
constexpr size_t expected_gauges = 3;

std::uint16_t figure(double value) {
  constexpr double most = LoadFigures::untold - 1;
  return static_cast<std::uint16_t>(std::lround(std::clamp(value, 0.0, most)));
}

std::uint16_t& figure_of(LoadFigures& figures, Meaning meaning) {
  switch (meaning) {
    case Meaning::waiting: return figures.waiting;
    case Meaning::running: return figures.running;
    case Meaning::cache: break;
  }
  return figures.cache_permille;
}

}  // namespace

ServerLoad read_gauges(std::string_view text, bool expected) {
  std::array<std::optional<double>, gauges.size()> found;
  for_each_sample(text, [&](const MetricSample& sample) {
    const auto gauge = std::ranges::find(gauges, sample.name, &Gauge::name);
    if (gauge == gauges.end() || !std::isfinite(sample.value)) return;
    std::optional<double>& value = found[static_cast<size_t>(gauge - gauges.begin())];
    const bool sum = gauge->meaning != Meaning::cache;
    value = sum ? value.value_or(0) + sample.value : std::max(value.value_or(0), sample.value);
  });
  ServerLoad load;
  for (size_t i = 0; i < gauges.size(); ++i) {
    std::uint16_t& into = figure_of(load.figures, gauges[i].meaning);
    if (!found[i] || into != LoadFigures::untold) continue;
    const double scale = gauges[i].meaning == Meaning::cache ? 1000 : 1;
    into = figure(*found[i] * scale);
  }
  for (size_t i = 0; expected && i < expected_gauges; ++i) {
    if (figure_of(load.figures, gauges[i].meaning) == LoadFigures::untold) {
      load.missing.push_back(gauges[i].name);
    }
  }
  return load;
}

LoadFigures read_slots(std::string_view body) {
  LoadFigures figures;
  const auto whole = parse_json(body);
  if (!whole || whole->kind != JsonKind::array) return figures;
  double slots = 0;
  double running = 0;
  for (const JsonValue& slot : json_elements(whole->text)) {
    const auto busy = json_find(slot.text, "is_processing");
    if (!busy || !busy->as_bool()) return {};
    ++slots;
    running += *busy->as_bool() ? 1 : 0;
  }
  if (slots == 0) return figures;
  figures.slots = figure(slots);
  figures.running = figure(running);
  return figures;
}

LoadFigures filled_in(LoadFigures figures, const LoadFigures& more) {
  const auto fill = [](std::uint16_t& into, std::uint16_t from) {
    if (into == LoadFigures::untold) into = from;
  };
  fill(figures.waiting, more.waiting);
  fill(figures.running, more.running);
  fill(figures.slots, more.slots);
  fill(figures.cache_permille, more.cache_permille);
  return figures;
}

}  // namespace rocket
