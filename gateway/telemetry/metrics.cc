#include "telemetry/metrics.h"

#include <algorithm>
#include <functional>

#include "base/assert.h"

namespace rocket {
namespace {

constexpr std::string_view other_value = "other";

// The limits of series as they were asked for: a tenth is kept for those whose open label has
// become `other`.
MetricLimits but_a_tenth(MetricLimits limits) {
  limits.samples_max -= limits.samples_max / 10;
  limits.bytes_max -= limits.bytes_max / 10;
  return limits;
}

// The limits of the one series of a family in which all labels are `other`.
constexpr MetricLimits no_limits{SIZE_MAX, SIZE_MAX, 0};

std::size_t words_of(const FamilyInfo& info) {
  switch (info.kind) {
    case MetricKind::counter:
    case MetricKind::gauge: return 1;
    case MetricKind::error_rate: return ErrorWindow::words;
    case MetricKind::histogram: return info.buckets.size() + 2;
  }
  return 0;
}

std::size_t samples_of(const FamilyInfo& info) {
  return info.kind == MetricKind::histogram ? info.buckets.size() + 3 : 1;
}

// The most that a series takes in the exposition: _bucket, le="..." and the number included.
std::size_t bytes_of(const FamilyInfo& info, std::string_view labels) {
  constexpr std::size_t decoration = 48;
  return samples_of(info) * (info.name.size() + labels.size() + decoration);
}

std::size_t hash_of(Family family, const auto& values) {
  std::size_t hash = static_cast<std::size_t>(family);
  for (const std::string_view value : values) {
    hash = (hash ^ std::hash<std::string_view>()(value)) * 0x9e3779b97f4a7c15U;
  }
  return hash;
}

// A second and what happened in it, in one word. The counts stop at their most.
struct Second {
  static constexpr unsigned count_bits = 18;
  static constexpr std::uint64_t count_max = (1U << count_bits) - 1;

  std::uint64_t second;
  std::uint64_t events;
  std::uint64_t errors;

  [[nodiscard]] static Second unpack(std::uint64_t word) {
    return {word >> 2 * count_bits, word >> count_bits & count_max, word & count_max};
  }
  [[nodiscard]] std::uint64_t pack() const {
    return second << 2 * count_bits | std::min(events, count_max) << count_bits |
           std::min(errors, count_max);
  }
};

std::uint64_t second_of(TimePoint now) {
  return static_cast<std::uint64_t>(now.time_since_epoch() / std::chrono::seconds(1));
}

}  // namespace

void ErrorWindow::record(TimePoint now, bool error) const {
  const std::uint64_t second = second_of(now);
  MetricWord& word = words_[second % words];
  Second counted = Second::unpack(word.get());
  if (counted.second != second) counted = {second, 0, 0};
  ++counted.events;
  if (error) ++counted.errors;
  word.set(counted.pack());
}

ErrorWindow::Counts ErrorWindow::counts(TimePoint now) const {
  Counts sum;
  for (std::size_t i = 0; i < words; ++i) {
    const Second counted = Second::unpack(words_[i].get());
    if (counted.second + seconds <= second_of(now)) continue;
    sum.events += counted.events;
    sum.errors += counted.errors;
  }
  return sum;
}

std::size_t MetricShard::Hash::operator()(const Key& key) const {
  return hash_of(key.family, std::span(key.values).first(family_info(key.family).label_count()));
}

std::size_t MetricShard::Hash::operator()(const KeyView& key) const {
  return hash_of(key.family, key.values);
}

bool MetricShard::Equal::operator()(const Key& one, const Key& other) const {
  return one.family == other.family && one.values == other.values;
}

bool MetricShard::Equal::operator()(const KeyView& one, const Key& other) const {
  return one.family == other.family &&
         std::equal(one.values.begin(), one.values.end(), other.values.begin());
}

MetricShard::MetricShard(Metrics& metrics, std::size_t index)
    : metrics_(metrics), index_(index), overflow_(counter(Family::metric_overflow)) {}

Counter MetricShard::counter(Family family, LabelValues values) {
  return Counter(find(family, MetricKind::counter, values));
}

Gauge MetricShard::gauge(Family family, LabelValues values) {
  return Gauge(find(family, MetricKind::gauge, values));
}

Histogram MetricShard::histogram(Family family, LabelValues values) {
  return {find(family, MetricKind::histogram, values), family_info(family).buckets};
}

ErrorWindow MetricShard::error_window(Family family, LabelValues values) {
  return ErrorWindow(find(family, MetricKind::error_rate, values));
}

MetricWord* MetricShard::find(Family family, MetricKind kind, LabelValues values) {
  const FamilyInfo& info = family_info(family);
  ROCKET_ASSERT(info.kind == kind && info.label_count() == values.size());
  const auto found = found_.find(KeyView{family, values});
  return found != found_.end() ? found->second : meet(info, values);
}

MetricWord* MetricShard::meet(const FamilyInfo& info, LabelValues values) {
  const std::scoped_lock lock(metrics_.mutex_);
  const Metrics::Admitted admitted = metrics_.admit(info, values);
  if (admitted.replaced) overflow_.add();
  Metrics::Cell& cell = admitted.series.cells[index_];
  if (cell.words == nullptr) cell.words = allocate(words_of(info));
  // Only one set of values leads here by itself. Others, that are `other` or that differ in bytes
  // which are not text, come by again: there is no end to them.
  if (!cell.live && !admitted.replaced) {
    Key key{info.family, {}};
    std::copy(values.begin(), values.end(), key.values.begin());
    found_.emplace(std::move(key), cell.words);
  }
  cell.live = true;
  return cell.words;
}

MetricWord* MetricShard::allocate(std::size_t count) {
  if (count > Block::size - block_used_) {
    blocks_.push_back(std::make_unique<Block>());
    block_used_ = 0;
  }
  MetricWord* const words = &blocks_.back()->words[block_used_];
  block_used_ += count;
  return words;
}

void MetricShard::retire(Family family, LabelValues values) {
  const auto found = found_.find(KeyView{family, values});
  if (found == found_.end()) return;
  const std::scoped_lock lock(metrics_.mutex_);
  for (Metrics::Series& series : metrics_.families_[static_cast<std::size_t>(family)].series) {
    if (series.cells[index_].words == found->second) series.cells[index_].live = false;
  }
  found_.erase(found);
}

Metrics::Metrics(std::size_t shards, MetricLimits limits) : limits_(limits) {
  shards_.resize(shards);
  for (std::size_t i = 0; i < shards; ++i)
    shards_[i] = std::make_unique<MetricShard>(*this, i);
}

Metrics::~Metrics() = default;

Metrics::Admitted Metrics::admit(const FamilyInfo& info, LabelValues values) {
  std::array<std::string_view, metric_labels_max> used;
  std::copy(values.begin(), values.end(), used.begin());
  bool replaced = false;
  for (std::string_view& value : used) {
    if (value.size() <= limits_.value_bytes_max) continue;
    value = other_value;
    replaced = true;
  }
  if (Series* const series = find_or_add(info, label_text(info, used), but_a_tenth(limits_))) {
    return {*series, replaced};
  }
  if (info.open_label < used.size()) {
    used[info.open_label] = other_value;
    if (Series* const series = find_or_add(info, label_text(info, used), limits_)) {
      return {*series, true};
    }
  }
  used.fill(other_value);
  return {*find_or_add(info, label_text(info, used), no_limits), true};
}

Metrics::Series* Metrics::find_or_add(const FamilyInfo& info, std::string labels,
                                      const MetricLimits& limits) {
  SeriesOfFamily& family = families_[static_cast<std::size_t>(info.family)];
  const auto found = family.by_labels.find(labels);
  if (found != family.by_labels.end()) return found->second;

  const std::size_t samples = family.samples + samples_of(info);
  const std::size_t bytes = family.bytes + bytes_of(info, labels);
  if (samples > limits.samples_max || bytes > limits.bytes_max) return nullptr;
  family.samples = samples;
  family.bytes = bytes;
  Series& series =
      family.series.emplace_back(Series{std::move(labels), std::vector<Cell>(shards_.size())});
  family.by_labels.emplace(series.labels, &series);
  return &series;
}

std::vector<FamilySnapshot> Metrics::collect(TimePoint now) const {
  std::vector<FamilySnapshot> snapshots;
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < family_count; ++i) {
    FamilySnapshot snapshot = collect(family_info(static_cast<Family>(i)), now);
    if (!snapshot.labels.empty()) snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

FamilySnapshot Metrics::collect(const FamilyInfo& info, TimePoint now) const {
  const bool window = info.kind == MetricKind::error_rate;
  FamilySnapshot snapshot{&info, {}, {}, window ? 2 : words_of(info)};
  for (const Series& series : families_[static_cast<std::size_t>(info.family)].series) {
    if (std::ranges::none_of(series.cells, &Cell::live)) continue;
    snapshot.labels.push_back(series.labels);
    const std::size_t at = snapshot.values.size();
    snapshot.values.resize(at + snapshot.values_per_series);
    const auto sums = std::span(snapshot.values).subspan(at);
    for (const Cell& cell : series.cells) {
      if (!cell.live) continue;
      if (window) {
        const ErrorWindow::Counts counts = ErrorWindow(cell.words).counts(now);
        sums[0] += counts.events;
        sums[1] += counts.errors;
        continue;
      }
      for (std::size_t word = 0; word < sums.size(); ++word)
        sums[word] += cell.words[word].get();
    }
  }
  return snapshot;
}

}  // namespace rocket
