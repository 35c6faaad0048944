#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/answer_times.h"

namespace rocket {

// How fast one backend answers for one model, as one loop has seen it: streams until their first
// content, other requests until the whole answer.
class ModelPace {
 public:
  explicit ModelPace(size_t endpoints) {
    for (auto& averages : of_endpoint_)
      averages.resize(endpoints);
    for (auto& usual : usual_)
      usual.resize(endpoints);
  }

  // One sort of request: the time it takes depends on its size.
  struct Sort {
    bool streamed;
    size_t body_bytes;
  };
  // What 95 of 100 take at most. Of a sort that nothing is known of yet, by one that takes no less:
  // requests that are longer, or the whole answer of which a stream brings the first word.
  [[nodiscard]] std::optional<Duration> p95(Sort sort) const;
  [[nodiscard]] Duration of_endpoint(size_t endpoint, bool streamed, TimePoint now) const;
  void record(Sort sort, size_t endpoint, Duration time, TimePoint now);
  // It takes several times as long as its siblings and as it used to itself.
  [[nodiscard]] bool is_slow(size_t endpoint, TimePoint now) const;

 private:
  static constexpr size_t size_classes = 6;
  // Up to 1 KB, 4 KB, 16 KB, ..., more.
  [[nodiscard]] static size_t size_class(size_t body_bytes);

  std::array<std::array<AnswerTimes, size_classes>, 2> times_;
  std::array<std::vector<FadingAverage>, 2> of_endpoint_;
  std::array<std::vector<UsualTime>, 2> usual_;
};

// By model; of more than `models_max` the rest share one.
class BackendPace {
 public:
  explicit BackendPace(size_t endpoints) : endpoints_(endpoints) {}

  [[nodiscard]] ModelPace& model(std::string_view name);
  // The slowest model's time to first content at an endpoint; 0: not known.
  [[nodiscard]] Duration first_token(size_t endpoint, TimePoint now) const;
  // For one of its models at least.
  [[nodiscard]] bool is_slow(size_t endpoint, TimePoint now) const;

 private:
  struct Hash {
    using is_transparent = void;
    [[nodiscard]] size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  static constexpr size_t models_max = 500;

  size_t endpoints_;
  std::unordered_map<std::string, ModelPace, Hash, std::equal_to<>> models_;
};

}  // namespace rocket
