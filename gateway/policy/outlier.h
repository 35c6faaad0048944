#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace rocket {

enum class OutlierFault : unsigned char { none, failing, slow };

// What comes of comparing an endpoint with its siblings. Small enough for one atomic.
struct alignas(4) OutlierMark {
  OutlierFault fault = OutlierFault::none;
  bool ejected = false;   // left alone for it
  bool forgiven = false;  // used in spite of failing probes: too many of its siblings look bad
  [[nodiscard]] bool operator==(const OutlierMark&) const = default;
};

// Good and bad outcomes of late: what is ten seconds old counts for a third. Pure.
class RecentOutcomes {
 public:
  // `good` and `bad` are counted since ever.
  void update(std::uint64_t good, std::uint64_t bad, TimePoint now);
  [[nodiscard]] double all() const { return good_ + bad_; }
  [[nodiscard]] double bad_share() const { return all() == 0 ? 0 : bad_ / all(); }

 private:
  std::uint64_t good_total_ = 0;
  std::uint64_t bad_total_ = 0;
  double good_ = 0;
  double bad_ = 0;
  TimePoint at_{};
};

// One endpoint of a backend, as the comparison sees it.
struct OutlierView {
  double requests = 0;   // of late
  double bad_share = 0;  // of them
  // Its answers take several times as long as its siblings' and as its own used to.
  bool slow = false;
  bool failing_probes = false;
  // Its breaker is not closed, it loads or drains: it is out already, and stays so.
  bool out = false;
};

struct OutlierSettings {
  double max_ejected = 0.5;
  double panic = 0.5;
  double requests_min = 20;  // fewer make no share
};

// Which endpoints of one backend are left alone because they are worse than the others (Envoy's
// outlier detection, with its panic threshold): those whose requests fail clearly more often, then
// those that are slow, the worst first; together with those that are out already never more than
// `max_ejected` of all.
//
// When more than `panic` of them look bad and still one does not, that one would have to carry all
// of it: then nobody is ejected, and those whose probes fail are tried again. What a breaker has
// learnt from requests stands in any case.
[[nodiscard]] std::vector<OutlierMark> find_outliers(std::span<const OutlierView> endpoints,
                                                     const OutlierSettings& settings);

// Whether an endpoint is slow for one model: `siblings` is the median of the others, `usual` what
// it used to take itself. Unknown times are zero, and say nothing.
[[nodiscard]] bool is_slow(Duration own, Duration siblings, Duration usual);

}  // namespace rocket
