#include "policy/outlier.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rocket {
namespace {

constexpr double fade_seconds = 10;
// Of ten endpoints with an error rate of one in a hundred none is to be ejected by chance.
constexpr double margin_of_share = 0.15;
constexpr int times_as_slow = 3;
// Below that a difference is no reason to leave somebody.
constexpr Duration slower_min = std::chrono::milliseconds(20);

bool is_bad(const OutlierView& view) {
  return view.out || view.failing_probes;
}

// Its requests fail clearly more often than those of the others, taken together.
bool is_failing(std::span<const OutlierView> endpoints, const OutlierView& one,
                const OutlierSettings& settings) {
  if (one.requests < settings.requests_min) return false;
  double requests = 0;
  double bad = 0;
  for (const OutlierView& other : endpoints) {
    if (&other == &one || is_bad(other)) continue;
    requests += other.requests;
    bad += other.requests * other.bad_share;
  }
  // Nobody to compare it with.
  if (requests < settings.requests_min) return false;
  return one.bad_share > 2 * bad / requests + margin_of_share;
}

// The larger the worse; failures weigh more than any slowness.
double badness(const OutlierView& view, const OutlierMark& mark) {
  return mark.fault == OutlierFault::failing ? 1 + view.bad_share : 0;
}

void eject_worst(std::span<const OutlierView> endpoints, std::vector<OutlierMark>& marks,
                 size_t most) {
  std::vector<size_t> found;
  for (size_t i = 0; i < marks.size(); ++i) {
    if (marks[i].fault != OutlierFault::none && !is_bad(endpoints[i])) found.push_back(i);
  }
  // Of equals the first, so that it does not change from one time to the next.
  std::ranges::sort(found, {},
                    [&](size_t i) { return std::pair(-badness(endpoints[i], marks[i]), i); });
  for (size_t i = 0; i < std::min(most, found.size()); ++i)
    marks[found[i]].ejected = true;
}

}  // namespace

void RecentOutcomes::update(std::uint64_t good, std::uint64_t bad, TimePoint now) {
  const double age = std::chrono::duration<double>(now - at_).count();
  const double kept = std::exp(-std::max(age, 0.0) / fade_seconds);
  good_ = good_ * kept + static_cast<double>(good - good_total_);
  bad_ = bad_ * kept + static_cast<double>(bad - bad_total_);
  good_total_ = good;
  bad_total_ = bad;
  at_ = now;
}

std::vector<OutlierMark> find_outliers(std::span<const OutlierView> endpoints,
                                       const OutlierSettings& settings) {
  std::vector<OutlierMark> marks(endpoints.size());
  const auto all = static_cast<double>(endpoints.size());
  for (size_t i = 0; i < endpoints.size(); ++i) {
    if (is_failing(endpoints, endpoints[i], settings)) {
      marks[i].fault = OutlierFault::failing;
    } else if (endpoints[i].slow) {
      marks[i].fault = OutlierFault::slow;
    }
  }
  const auto out = static_cast<size_t>(std::ranges::count_if(endpoints, is_bad));
  const auto allowed = static_cast<size_t>(settings.max_ejected * all);
  eject_worst(endpoints, marks, allowed > out ? allowed - out : 0);

  const auto ejected = static_cast<size_t>(std::ranges::count_if(marks, &OutlierMark::ejected));
  const size_t bad = out + ejected;
  const bool panic = static_cast<double>(bad) > settings.panic * all && bad < endpoints.size();
  if (!panic) return marks;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    marks[i].ejected = false;
    marks[i].forgiven = endpoints[i].failing_probes && !endpoints[i].out;
  }
  return marks;
}

bool is_slow(Duration own, Duration siblings, Duration usual) {
  if (siblings == Duration::zero() || usual == Duration::zero()) return false;
  return own > siblings * times_as_slow && own > usual * times_as_slow &&
         own - siblings > slower_min;
}

}  // namespace rocket
