#include "testing/simulation_calls.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace rocket {
namespace {

// What an answer takes to be seen by the gateway, generously: some round trips.
constexpr Duration seen_after = std::chrono::milliseconds(20);
// The gateway has found out by then that a name means another address.
constexpr Duration followed_after = std::chrono::seconds(30);
// The clock of timers is coarser than that of the simulated network.
constexpr Duration slack = std::chrono::milliseconds(60);

std::optional<Duration> seconds_in(const std::string& text) {
  std::int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, seconds);
  if (text.empty() || stopped != end || error != std::errc() || seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min<std::int64_t>(seconds, 100'000));
}

// The status that a script answers with, and its Retry-After.
std::pair<int, std::string> refusal_of(const FakeScript& script) {
  if (!script.healthy) return {503, ""};
  const auto asks = [&] { return script.retry_after.empty() ? "1" : script.retry_after; };
  switch (script.fault) {
    case Fault::none: return {script.status, script.status == 200 ? "" : script.retry_after};
    case Fault::status_429: return {429, asks()};
    case Fault::status_503: return {503, asks()};
    default: return {0, ""};
  }
}

}  // namespace

// One call at a host, until all of its answer has been said or its client has gone: what is left
// behind that of framing and connections is nobody's work. The gateway gives a place back when it
// has all of an answer or closes the connection, and the next call takes a latency to arrive, as
// does the close: in that order, so that the count is exact where links are as fast as they were.
class UpstreamCalls::UnderWay {
 public:
  // Of the call noted last.
  UnderWay(UpstreamCalls& calls, const Timers& timers)
      : calls_(calls),
        timers_(timers),
        call_(calls.calls_.size() - 1),
        host_(calls.calls_[call_].host) {
    Host& at = calls_.hosts_[host_];
    if (++at.in_flight > calls_.most_ && at.tame && !calls_.plan_.long_answers) {
      calls_.failure_ = at.backend + " has more in flight than an endpoint may";
      for (const UpstreamCall& one : calls_.calls_) {
        if (one.host == host_ && one.over_at == never) calls_.failure_ += calls_.story_of(one.id);
      }
    }
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  ~UnderWay() {
    calls_.calls_[call_].over_at = timers_.now();
    --calls_.hosts_[host_].in_flight;
  }

 private:
  UpstreamCalls& calls_;
  const Timers& timers_;
  size_t call_;
  size_t host_;
};

UpstreamCalls::UpstreamCalls(const SimPlan& plan) : plan_(plan) {
  for (const SimGateway::BackendSpec& spec : plan.specs) {
    for (size_t i = 0; i < spec.endpoints.size(); ++i) {
      hosts_.push_back({.backend = spec.name, .index = i, .kind = spec.endpoints[i].kind});
      hosts_.back().has_all_models = spec.endpoints[i].models.size() == 2;
    }
  }
  set_most(plan.config.limits.in_flight_per_endpoint);
}

FakeBackend::Watch UpstreamCalls::watch(size_t host, const Timers& timers) {
  const size_t machine = hosts_[host].left_at.size();
  return [this, host, machine, &timers](const FakeBackend::Asked& asked) -> std::shared_ptr<void> {
    const auto& left_at = hosts_[host].left_at;
    if (machine < left_at.size() && timers.now() > left_at[machine] + followed_after) {
      failure_ = hosts_[host].backend + " was asked where its name has not led to for 30 s";
    }
    const std::string id(asked.head.headers.find("x-request-id").value_or(""));
    const auto [status, retry_after] = refusal_of(asked.script);
    by_id_[id].push_back(calls_.size());
    calls_.push_back(
        {host, id, timers.now(), asked.script.head_delay, status, retry_after, asked.script.fault});
    return std::make_shared<UnderWay>(*this, timers);
  };
}

std::uint32_t UpstreamCalls::under_way(const std::string& id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return 0;
  // A host that has ceased to be tame meanwhile may not hear that the client has gone.
  return static_cast<std::uint32_t>(std::ranges::count_if(found->second, [&](size_t call) {
    return calls_[call].over_at == never && hosts_[calls_[call].host].tame;
  }));
}

std::vector<std::string> UpstreamCalls::asked_for(const std::string& id) const {
  std::vector<std::string> backends;
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return backends;
  for (const size_t call : found->second)
    backends.push_back(hosts_[calls_[call].host].backend);
  return backends;
}

std::string UpstreamCalls::story_of(const std::string& id) const {
  std::string story = " (" + id;
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return story + ", nobody was asked)";
  for (const size_t call : found->second) {
    const UpstreamCall& one = calls_[call];
    const Host& host = hosts_[one.host];
    const double seconds = std::chrono::duration<double>(one.at.time_since_epoch()).count();
    story += ", " + host.backend + "/" + std::to_string(host.index) + " at " +
             std::to_string(seconds) + " s: " + std::string(to_string(one.fault)) +
             (one.over_at == never ? ", under way" : "");
  }
  return story + ")";
}

std::string UpstreamCalls::judge(const AllAsked& all, Duration lasted,
                                 const HasChoice& has_choice) const {
  if (!failure_.empty()) return failure_;
  HangUps hang_ups;
  std::uint64_t requests = all.size();
  std::set<std::string> without_choice;
  bool sharers_have_choice = true;
  for (const auto& one : all) {
    hang_ups[one->id()] = one->hung_up_at();
    if (has_choice(*one)) continue;
    without_choice.insert(one->id());
    sharers_have_choice = sharers_have_choice && !one->embeddings();
  }
  // Calls that several requests share are requests of their own, with the choice that these have:
  // whose a call is it does not say, so that one without is an excuse for each.
  for (const auto& [id, calls] : by_id_) {
    if (hang_ups.contains(id)) continue;
    ++requests;
    if (!sharers_have_choice) without_choice.insert(id);
  }
  std::string failure = judge_budget(requests, lasted);
  if (failure.empty()) failure = judge_waits(hang_ups);
  if (failure.empty()) failure = judge_breaker(hang_ups, without_choice);
  return failure;
}

// Free are the first call, one whose connection had been closed meanwhile, the first failover and
// one move; all others come from the budget (section 8 of the design).
std::string UpstreamCalls::judge_budget(std::uint64_t requests, Duration lasted) const {
  constexpr std::uint64_t free_calls = 4;
  std::uint64_t spent = 0;
  for (const auto& [id, calls] : by_id_) {
    if (calls.size() > free_calls) spent += calls.size() - free_calls;
    if (!plan_.config.hedge.on && calls.size() > plan_.config.retry.attempts + 1) {
      return "a request was tried more often than retry.attempts says: " + id;
    }
  }
  const RetryConfig& retry = plan_.config.retry;
  const double seconds = std::chrono::duration<double>(lasted).count() + 1;
  const double budget = retry.budget * static_cast<double>(requests) + retry.budget_min * seconds;
  if (static_cast<double>(spent) <= budget) return {};
  return "upstreams were called " + std::to_string(spent) +
         " times more than the retry budget allows";
}

TimePoint UpstreamCalls::quiet_until(const UpstreamCall& call, const HangUps& hang_ups) const {
  if (call.status != 429 && call.status != 503) return call.at;
  const auto wait = seconds_in(call.retry_after);
  const auto client = hang_ups.find(call.id);
  if (!wait || client == hang_ups.end()) return call.at;
  // Its client saw it to the end, the gateway had the patience for it, nobody cut it off, and it is
  // the first refusal: when all refuse a request, it is the request that is too much.
  if (call.over_at < call.at + call.answers_after) return call.at;
  const TimePoint told = call.at + call.answers_after + seen_after;
  const auto cut = [&](TimePoint at) { return at >= call.at && at <= told; };
  if (std::ranges::any_of(hosts_[call.host].cut_at, cut)) return call.at;
  const auto& tries = by_id_.at(call.id);
  if (client->second <= told || &calls_[tries.front()] != &call) return call.at;
  if (tries.size() > 1 && calls_[tries[1]].at < told - seen_after) return call.at;
  return told + std::min(*wait, plan_.config.retry.retry_after_max) - slack - seen_after;
}

std::string UpstreamCalls::judge_waits(const HangUps& hang_ups) const {
  struct Wait {
    TimePoint from;
    TimePoint to;
  };
  // Each for itself: refusals that take long leave gaps, in which it may be asked.
  std::vector<std::vector<Wait>> waits(hosts_.size());
  for (const UpstreamCall& call : calls_) {
    if (!hosts_[call.host].tame) continue;
    const auto holds = [&](const Wait& one) { return call.at > one.from && call.at < one.to; };
    if (std::ranges::any_of(waits[call.host], holds)) {
      return hosts_[call.host].backend + " was asked although its Retry-After asked for quiet";
    }
    const TimePoint from = call.at + call.answers_after + seen_after + slack;
    waits[call.host].push_back({from, quiet_until(call, hang_ups)});
  }
  return {};
}

// The doomed one fails at once and always. When the gateway has seen so many failures as open a
// breaker, it is left alone but for single trials, and as the last resort of those who may ask
// nobody better.
std::string UpstreamCalls::judge_breaker(const HangUps& hang_ups,
                                         const std::set<std::string>& without_choice) const {
  std::vector<TimePoint> seen;
  std::vector<TimePoint> perhaps_seen;  // also of those whose client hung up about then
  std::uint32_t later = 0;
  for (const UpstreamCall& call : calls_) {
    if (hosts_[call.host].backend != doomed_name) continue;
    const TimePoint told = call.at + call.answers_after + seen_after;
    const auto client = hang_ups.find(call.id);
    const BreakerConfig& breaker = plan_.config.breaker;
    if (seen.size() >= breaker.consecutive) {
      const TimePoint first = perhaps_seen[breaker.consecutive - 1];
      const TimePoint last = seen[breaker.consecutive - 1];
      const bool open = call.at > last + slack && call.at < first + breaker.open - slack;
      if (open && !without_choice.contains(call.id)) ++later;
    }
    perhaps_seen.push_back(told);
    if (client != hang_ups.end() && client->second > told) seen.push_back(told);
  }
  return later > plan_.config.breaker.trials ? "an endpoint that always fails is asked on and on"
                                             : "";
}

}  // namespace rocket
