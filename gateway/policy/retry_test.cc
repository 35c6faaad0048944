#include "policy/retry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;

AttemptReport unsent(ErrorCode error) {
  return {.error = error};
}
AttemptReport sent(ErrorCode error) {
  return {.error = error, .sent = true};
}
AttemptReport answered(ErrorCode error) {
  return {.error = error, .sent = true, .answered = true};
}
// Sent on a pooled connection that was closed before a byte of an answer came.
AttemptReport stale() {
  return {.error = ErrorCode::upstream_closed, .sent = true, .reused = true};
}

TEST(Retry, OnlyWhatTheUpstreamIsToBlameForIsTriedElsewhere) {
  const std::vector<ErrorCode> elsewhere{
      ErrorCode::connect_refused,     ErrorCode::connect_timeout,
      ErrorCode::connect_failed,      ErrorCode::upstream_closed,
      ErrorCode::upstream_garbage,    ErrorCode::upstream_too_large,
      ErrorCode::upstream_status,     ErrorCode::upstream_unavailable,
      ErrorCode::upstream_overloaded, ErrorCode::upstream_loading,
      ErrorCode::upstream_limited,    ErrorCode::upstream_error_event,
      ErrorCode::load_timeout,        ErrorCode::first_token_timeout,
      ErrorCode::idle_timeout,        ErrorCode::upstream_unauthorized,
  };
  for (unsigned char i = 0; i <= static_cast<unsigned char>(ErrorCode::total_timeout); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const NextStep expected = std::ranges::find(elsewhere, code) != elsewhere.end()
                                  ? NextStep::next_endpoint
                                  : NextStep::give_up;
    EXPECT_EQ(Retry({}).after(sent(code)), expected) << to_string(code);
    EXPECT_EQ(Retry({}).after(unsent(code)), expected) << to_string(code);
    EXPECT_EQ(Retry({}).after(answered(code)), expected) << to_string(code);
  }
}

TEST(Retry, CountsWhatMayHaveReachedAnUpstream) {
  constexpr auto same = NextStep::same_endpoint;
  constexpr auto next = NextStep::next_endpoint;
  constexpr auto over = NextStep::give_up;
  const AttemptReport refused = unsent(ErrorCode::connect_refused);
  const AttemptReport failed = answered(ErrorCode::upstream_status);
  const AttemptReport closed = sent(ErrorCode::upstream_closed);
  const AttemptReport reused_answered{
      .error = ErrorCode::upstream_closed, .sent = true, .reused = true, .answered = true};
  const AttemptReport reused_garbage{
      .error = ErrorCode::upstream_garbage, .sent = true, .reused = true};
  const struct {
    const char* name;
    std::uint32_t attempts;
    std::vector<AttemptReport> reports;
    std::vector<NextStep> steps;
  } cases[] = {
      {"the only attempt", 1, {failed}, {over}},
      {"three attempts", 3, {failed, failed, failed}, {next, next, over}},
      {"refused costs none", 1, {refused, refused, refused, failed}, {next, next, next, over}},
      {"a connection that can not be made costs none",
       1,
       {unsent(ErrorCode::connect_timeout), unsent(ErrorCode::connect_failed)},
       {next, next}},
      {"a stale connection costs none", 1, {stale(), failed}, {same, over}},
      {"it is forgiven once", 3, {stale(), stale(), stale(), stale()}, {same, next, next, over}},
      {"once in all, not once per endpoint", 3, {stale(), failed, stale()}, {same, next, next}},
      {"closed on a fresh connection is a failure", 1, {closed}, {over}},
      {"closed in the middle of an answer is a failure", 2, {reused_answered}, {next}},
      {"only closed ones are stale", 2, {reused_garbage}, {next}},
      {"the client's fault ends it", 3, {failed, sent(ErrorCode::client_gone)}, {next, over}},
      {"out of time", 3, {sent(ErrorCode::total_timeout)}, {over}},
      {"no memory of ours", 3, {sent(ErrorCode::overloaded)}, {over}},
  };
  for (const auto& c : cases) {
    Retry retry({.attempts = c.attempts});
    std::vector<NextStep> steps;
    for (const AttemptReport& report : c.reports)
      steps.push_back(retry.after(report));
    EXPECT_EQ(steps, c.steps) << c.name;
  }
}

// The first failover and whatever follows an attempt that cost nothing are free and at once.
TEST(Retry, LaterOnesArePaidForAndWait) {
  const AttemptReport refused = unsent(ErrorCode::connect_refused);
  const AttemptReport failed = answered(ErrorCode::upstream_status);
  const struct {
    const char* name;
    std::vector<AttemptReport> reports;
    bool free;
    Duration pause_max;
  } cases[] = {
      {"the first failover", {failed}, true, 0ms},
      {"after a refusal", {refused}, true, 0ms},
      {"the first failover after refusals", {refused, refused, failed}, true, 0ms},
      {"a second retry", {failed, failed}, false, 20ms},
      {"a third", {failed, failed, failed}, false, 40ms},
      {"a refusal in between", {failed, failed, refused}, true, 0ms},
      {"no longer than the longest", {failed, failed, failed, failed, failed}, false, 100ms},
  };
  for (const auto& c : cases) {
    Retry retry({.attempts = 100, .backoff = 20ms, .backoff_max = 100ms});
    for (const AttemptReport& report : c.reports)
      EXPECT_EQ(retry.after(report), NextStep::next_endpoint);
    EXPECT_EQ(retry.next_is_free(), c.free) << c.name;
    Random random(1);
    Duration longest{};
    for (int i = 0; i < 1000; ++i)
      longest = std::max(longest, retry.pause(random));
    EXPECT_LE(longest, c.pause_max) << c.name;
    EXPECT_GE(longest, c.pause_max * 9 / 10) << c.name;
  }
}

}  // namespace
}  // namespace rocket
