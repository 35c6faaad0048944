#include "policy/assessment.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

constexpr std::uint16_t untold = LoadFigures::untold;
constexpr auto healthy = Verdict::healthy;

TEST(Assessment, SaysWhatMattersMost) {
  const struct {
    const char* name;
    EndpointFacts facts;
    Verdict verdict;
    std::string_view reason;
  } cases[] = {
      {"nothing known", {}, Verdict::unknown, "not_probed_yet"},
      {"well", {.probed = healthy}, healthy, ""},
      {"dead",
       {.probed = Verdict::unhealthy, .probe_error = ErrorCode::connect_refused},
       Verdict::unhealthy,
       "connect_refused"},
      {"dead, whatever its breaker says",
       {.probed = Verdict::unhealthy,
        .probe_error = ErrorCode::first_token_timeout,
        .breaker = BreakerState::open},
       Verdict::unhealthy,
       "first_token_timeout"},
      {"loading", {.probed = Verdict::cold}, Verdict::cold, "loading"},
      {"draining", {.probed = Verdict::draining}, Verdict::draining, "says_that_it_drains"},
      {"removed",
       {.probed = healthy, .removed = true},
       Verdict::draining,
       "removed_from_configuration"},
      {"open",
       {.probed = healthy, .breaker = BreakerState::open},
       Verdict::degraded,
       "breaker_open"},
      {"on trial",
       {.probed = healthy, .breaker = BreakerState::half_open},
       Verdict::degraded,
       "breaker_half_open"},
      {"limited",
       {.probed = healthy, .breaker = BreakerState::open, .asked_to_wait = true},
       Verdict::degraded,
       "asked_to_wait"},
      {"its list of models can not be read",
       {.probed = healthy, .models_untold = true},
       Verdict::degraded,
       "models_untold"},
      {"failing",
       {.probed = healthy, .outlier = {.fault = OutlierFault::failing}},
       Verdict::degraded,
       "fails_more_than_siblings"},
      {"slow",
       {.probed = healthy, .outlier = {.fault = OutlierFault::slow, .ejected = true}},
       Verdict::degraded,
       "slower_than_siblings"},
      {"a queue", {.probed = healthy, .load = {1, 4, 8, 0}}, Verdict::busy, "requests_waiting"},
      {"all slots taken",
       {.probed = healthy, .load = {untold, 2, 2, untold}},
       Verdict::busy,
       "no_free_slot"},
      {"a slot is free", {.probed = healthy, .load = {0, 1, 2, untold}}, healthy, ""},
      {"much runs, but nobody says how much may",
       {.probed = healthy, .load = {0, 60, untold, untold}},
       healthy,
       ""},
      {"a full cache",
       {.probed = healthy, .load = {0, 1, untold, 960}},
       Verdict::busy,
       "cache_full"},
      {"slow and busy: slow",
       {.probed = healthy, .outlier = {.fault = OutlierFault::slow}, .load = {9, 9, 9, 9}},
       Verdict::degraded,
       "slower_than_siblings"},
      {"nothing in memory",
       {.probed = healthy, .loads_models = true},
       Verdict::cold,
       "no_model_loaded"},
  };
  for (const auto& c : cases) {
    const Assessment assessment = assess(c.facts);
    EXPECT_EQ(assessment.verdict, c.verdict) << c.name;
    EXPECT_EQ(assessment.reason, c.reason) << c.name;
  }
}

}  // namespace
}  // namespace rocket
