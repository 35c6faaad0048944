#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "telemetry/metric_family.h"

// Counting without locks: each event loop has a shard of its own and is its only writer; whoever
// scrapes adds the shards up. Counter, Gauge, Histogram and ErrorWindow are handles, as cheap to
// copy as a pointer, to be looked up once and kept; they live as long as Metrics. A handle that
// was default-constructed may only be assigned to or asked whether it is one.
namespace rocket {

class MetricWord {
 public:
  [[nodiscard]] std::uint64_t get() const { return word_.load(std::memory_order_relaxed); }
  void set(std::uint64_t value) { word_.store(value, std::memory_order_relaxed); }
  // Not atomic as a whole, and needs not be: there is one writer.
  void add(std::uint64_t value) { set(get() + value); }

 private:
  std::atomic<std::uint64_t> word_ = 0;
};

class Counter {
 public:
  Counter() = default;
  explicit Counter(MetricWord* word) : word_(word) {}
  [[nodiscard]] explicit operator bool() const { return word_ != nullptr; }

  void add(std::uint64_t count = 1) const { word_->add(count); }
  [[nodiscard]] std::uint64_t value() const { return word_->get(); }

 private:
  MetricWord* word_ = nullptr;
};

// The shards' values are added: what describes the whole process is set by one loop only.
class Gauge {
 public:
  Gauge() = default;
  explicit Gauge(MetricWord* word) : word_(word) {}
  [[nodiscard]] explicit operator bool() const { return word_ != nullptr; }

  void set(std::int64_t value) const { word_->set(static_cast<std::uint64_t>(value)); }
  void add(std::int64_t change) const { word_->add(static_cast<std::uint64_t>(change)); }
  [[nodiscard]] std::int64_t value() const { return static_cast<std::int64_t>(word_->get()); }

 private:
  MetricWord* word_ = nullptr;
};

// One of what a gauge counts; the destructor un-counts it.
class GaugeHold {
 public:
  GaugeHold() = default;
  explicit GaugeHold(Gauge gauge) : gauge_(gauge) { gauge_.add(1); }
  GaugeHold(GaugeHold&& other) noexcept : gauge_(std::exchange(other.gauge_, Gauge())) {}
  GaugeHold& operator=(GaugeHold&& other) noexcept {
    std::swap(gauge_, other.gauge_);
    return *this;
  }
  ~GaugeHold() {
    if (gauge_) gauge_.add(-1);
  }

 private:
  Gauge gauge_;
};

// Words: a count per bucket, +Inf the last, not cumulative; then the sum in nanoseconds.
class Histogram {
 public:
  Histogram() = default;
  Histogram(MetricWord* words, std::span<const Duration> buckets)
      : words_(words), buckets_(buckets) {}
  [[nodiscard]] explicit operator bool() const { return words_ != nullptr; }

  // What is negative counts as nothing: of two loops' clocks one may be behind.
  void observe(Duration value) const {
    const Duration counted = std::max(value, Duration::zero());
    std::size_t bucket = 0;
    for (const Duration bound : buckets_)
      bucket += counted > bound ? 1 : 0;
    words_[bucket].add(1);
    words_[buckets_.size() + 1].add(static_cast<std::uint64_t>(counted.count()));
  }

 private:
  MetricWord* words_ = nullptr;
  std::span<const Duration> buckets_;
};

// Errors among the events of the last 60 seconds, in steps of a second. Words: a ring with a
// second each, which holds the second, the events and the errors, so that a reader never sees
// the count of one second with the name of another.
class ErrorWindow {
 public:
  struct Counts {
    std::uint64_t events = 0;
    std::uint64_t errors = 0;
  };

  static constexpr std::size_t words = 64;
  static constexpr std::uint64_t seconds = 60;

  ErrorWindow() = default;
  explicit ErrorWindow(MetricWord* first) : words_(first) {}
  [[nodiscard]] explicit operator bool() const { return words_ != nullptr; }

  void record(TimePoint now, bool error) const;
  [[nodiscard]] Counts counts(TimePoint now) const;

 private:
  MetricWord* words_ = nullptr;
};

struct MetricLimits {
  // Of one family, as a scrape counts them: a histogram has a sample per bucket and two more.
  std::size_t samples_max = 2'000;
  std::size_t bytes_max = 150 * 1024;  // of one family in the exposition
  std::size_t value_bytes_max = 128;   // of one label's value
};

// One family as a scrape finds it; all shards added up.
struct FamilySnapshot {
  const FamilyInfo* info;
  std::vector<std::string_view> labels;  // of each series: `backend="a",model="b"`, escaped
  // Of each series: the value; events and errors of an error rate; the words of a histogram.
  std::vector<std::uint64_t> values;
  std::size_t values_per_series;
};

class Metrics;

// Values in the order of the family's labels.
using LabelValues = std::initializer_list<std::string_view>;

// One loop's counts. Only that loop's thread calls it, or the starting thread before that.
//
// Looking up a series that this shard has takes neither lock nor allocation; meeting a new one
// takes both, once. Beyond the limits of its family a series' open label becomes `other`, then
// all of them do, and rocket_metric_overflow_total counts the look-up.
class MetricShard {
 public:
  MetricShard(Metrics& metrics, std::size_t index);
  MetricShard(const MetricShard&) = delete;
  MetricShard& operator=(const MetricShard&) = delete;

  [[nodiscard]] Counter counter(Family family, LabelValues values = {});
  [[nodiscard]] Gauge gauge(Family family, LabelValues values = {});
  [[nodiscard]] Histogram histogram(Family family, LabelValues values = {});
  [[nodiscard]] ErrorWindow error_window(Family family, LabelValues values = {});

  // Takes a series of this shard off the exposition until it is looked up again: for the gauges
  // of a backend that a new configuration does not have. Handles stay valid.
  void retire(Family family, LabelValues values);

  void count_overflow() { overflow_.add(); }

 private:
  struct Key {
    Family family;
    std::array<std::string, metric_labels_max> values;
  };
  struct KeyView {
    Family family;
    LabelValues values;
  };
  struct Hash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(const Key& key) const;
    [[nodiscard]] std::size_t operator()(const KeyView& key) const;
  };
  struct Equal {
    using is_transparent = void;
    [[nodiscard]] bool operator()(const Key& one, const Key& other) const;
    [[nodiscard]] bool operator()(const KeyView& one, const Key& other) const;
  };
  // A block is nobody else's cache line.
  struct alignas(64) Block {
    static constexpr std::size_t size = 512;
    std::array<MetricWord, size> words;
  };

  [[nodiscard]] MetricWord* find(Family family, MetricKind kind, LabelValues values);
  [[nodiscard]] MetricWord* meet(const FamilyInfo& info, LabelValues values);
  [[nodiscard]] MetricWord* allocate(std::size_t count);

  Metrics& metrics_;
  std::size_t index_;
  std::unordered_map<Key, MetricWord*, Hash, Equal> found_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::size_t block_used_ = Block::size;
  Counter overflow_;
};

// What all shards share: which series there are. Made before the loops and destroyed after them.
class Metrics {
 public:
  explicit Metrics(std::size_t shards, MetricLimits limits = {});
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  [[nodiscard]] MetricShard& shard(std::size_t index) { return *shards_.at(index); }

  // The families that have series, in the order of Family. From any thread; holds up only who
  // meets a new series meanwhile.
  [[nodiscard]] std::vector<FamilySnapshot> collect(TimePoint now) const;

 private:
  friend class MetricShard;

  // A shard's part of a series.
  struct Cell {
    MetricWord* words = nullptr;
    bool live = false;
  };
  struct Series {
    std::string labels;
    std::vector<Cell> cells;  // by shard
  };
  struct SeriesOfFamily {
    std::deque<Series> series;
    std::unordered_map<std::string_view, Series*> by_labels;
    std::size_t samples = 0;
    std::size_t bytes = 0;
  };
  struct Admitted {
    Series& series;
    bool replaced;  // some label is `other` instead of what was asked for
  };

  // All of these are called with the lock held.
  [[nodiscard]] Admitted admit(const FamilyInfo& info, LabelValues values);
  // Null if a series more would be too many.
  [[nodiscard]] Series* find_or_add(const FamilyInfo& info, std::string labels,
                                    const MetricLimits& limits);
  [[nodiscard]] FamilySnapshot collect(const FamilyInfo& info, TimePoint now) const;

  MetricLimits limits_;
  mutable std::mutex mutex_;
  std::array<SeriesOfFamily, family_count> families_;
  std::vector<std::unique_ptr<MetricShard>> shards_;
};

}  // namespace rocket
