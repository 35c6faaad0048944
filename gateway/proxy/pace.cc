#include "proxy/pace.h"

#include <algorithm>

#include "policy/outlier.h"

namespace rocket {

std::optional<Duration> ModelPace::p95(Sort sort) const {
  for (size_t streamed = sort.streamed ? 2 : 1; streamed-- != 0;) {
    for (size_t size = size_class(sort.body_bytes); size < size_classes; ++size) {
      if (const auto known = times_[streamed][size].p95()) return known;
    }
  }
  return std::nullopt;
}

Duration ModelPace::of_endpoint(size_t endpoint, bool streamed, TimePoint now) const {
  return of_endpoint_[streamed ? 1 : 0][endpoint].value(now);
}

void ModelPace::record(Sort sort, size_t endpoint, Duration time, TimePoint now) {
  times_[sort.streamed ? 1 : 0][size_class(sort.body_bytes)].record(time);
  of_endpoint_[sort.streamed ? 1 : 0][endpoint].record(time, now);
  usual_[sort.streamed ? 1 : 0][endpoint].record(time, now);
}

bool ModelPace::is_slow(size_t endpoint, TimePoint now) const {
  for (size_t sort = 0; sort < of_endpoint_.size(); ++sort) {
    std::vector<Duration> siblings;
    for (size_t i = 0; i < of_endpoint_[sort].size(); ++i) {
      const Duration time = of_endpoint_[sort][i].value(now);
      if (i != endpoint && time != Duration::zero()) siblings.push_back(time);
    }
    if (siblings.empty()) continue;
    const auto median = siblings.begin() + static_cast<std::ptrdiff_t>(siblings.size() / 2);
    std::ranges::nth_element(siblings, median);
    const Duration own = of_endpoint_[sort][endpoint].value(now);
    if (rocket::is_slow(own, *median, usual_[sort][endpoint].value())) return true;
  }
  return false;
}

size_t ModelPace::size_class(size_t body_bytes) {
  size_t size = 0;
  for (size_t most = 1024; size + 1 < size_classes && body_bytes > most; most *= 4)
    ++size;
  return size;
}

ModelPace& BackendPace::model(std::string_view name) {
  const auto found = models_.find(name);
  if (found != models_.end()) return found->second;
  if (models_.size() >= models_max) name = "other";
  return models_.try_emplace(std::string(name), endpoints_).first->second;
}

bool BackendPace::is_slow(size_t endpoint, TimePoint now) const {
  return std::ranges::any_of(models_,
                             [&](const auto& one) { return one.second.is_slow(endpoint, now); });
}

Duration BackendPace::first_token(size_t endpoint, TimePoint now) const {
  Duration slowest{};
  for (const auto& [name, pace] : models_)
    slowest = std::max(slowest, pace.of_endpoint(endpoint, true, now));
  return slowest;
}

}  // namespace rocket
