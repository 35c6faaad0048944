#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "testing/fake_backend.h"
#include "testing/simulation_plan.h"
#include "testing/simulation_request.h"

namespace rocket {

// What the upstreams of a simulated life were asked for, and what may be expected of that.
class UpstreamCalls {
 public:
  // One endpoint of one fake backend.
  struct Host {
    std::string backend;
    size_t index = 0;
    FakeKind kind{};
    // Its connections have always carried everything at once, so that it learns at once what the
    // gateway does; and it has been configured all along.
    bool tame = true;
    // It has been configured all along.
    bool always_there = true;
    // It has had all models all along.
    bool has_all_models = true;
    std::uint32_t in_flight = 0;
    // By the machines that it has been: when its name ceased to mean that one.
    std::vector<TimePoint> left_at{};
    // When its connections were cut off, and what was being said was not heard.
    std::vector<TimePoint> cut_at{};
  };

  explicit UpstreamCalls(const SimPlan& plan);

  [[nodiscard]] std::vector<Host>& hosts() { return hosts_; }
  [[nodiscard]] const std::vector<Host>& hosts() const { return hosts_; }
  // For the machine that it is now.
  [[nodiscard]] FakeBackend::Watch watch(size_t host, const Timers& timers);
  // Its name means another machine from now on.
  void move(size_t host, TimePoint now) { hosts_[host].left_at.push_back(now); }
  // So many may be at one endpoint from now on; those that are there may stay.
  void set_most(std::uint32_t most) { most_ = std::max(most_, most); }

  // Calls under way for the request of that id, at tame hosts.
  [[nodiscard]] std::uint32_t under_way(const std::string& id) const;
  // The backends that were asked for the request of that id, as often as they were.
  [[nodiscard]] std::vector<std::string> asked_for(const std::string& id) const;

  // The calls for it, for people: who was asked when, and what was wrong with him.
  [[nodiscard]] std::string story_of(const std::string& id) const;

  // What promise is broken; empty: none.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  // The same of the life as a whole, whose requests were `all`. Of whom `has_choice` is not true
  // had nobody to ask but such as fail.
  using HasChoice = std::function<bool(const SimAsked&)>;
  [[nodiscard]] std::string judge(const AllAsked& all, Duration lasted,
                                  const HasChoice& has_choice) const;

 private:
  struct UpstreamCall {
    size_t host;
    std::string id;
    TimePoint at;
    Duration answers_after;
    int status;
    std::string retry_after;
    Fault fault;
    TimePoint over_at = never;  // all has been said, or its client has gone
  };
  class UnderWay;

  using HangUps = std::map<std::string, TimePoint>;
  // Until when `call` has its endpoint left alone by everybody; `at`: not at all.
  [[nodiscard]] TimePoint quiet_until(const UpstreamCall& call, const HangUps& hang_ups) const;
  [[nodiscard]] std::string judge_budget(std::uint64_t requests, Duration lasted) const;
  [[nodiscard]] std::string judge_waits(const HangUps& hang_ups) const;
  [[nodiscard]] std::string judge_breaker(const HangUps& hang_ups,
                                          const std::set<std::string>& without_choice) const;

  const SimPlan& plan_;
  std::vector<Host> hosts_;
  std::vector<UpstreamCall> calls_;
  // By request: which of calls_, in their order.
  std::map<std::string, std::vector<size_t>> by_id_;
  std::uint32_t most_ = 0;
  std::string failure_;
};

}  // namespace rocket
