#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "testing/sim_gateway.h"

// Two endpoints under a steady load, for tests of what becomes of it when one of them fails.
namespace rocket {

inline FakeScript answering_in(Duration time) {
  FakeScript script;
  script.head_delay = time;
  return script;
}

inline SimGateway::BackendSpec backend(const std::string& name, std::vector<FakeScript> endpoints) {
  return {.name = name, .endpoints = std::move(endpoints), .default_model = "fake-model"};
}

// Two equal endpoints, of one backend or of two.
inline std::vector<SimGateway::BackendSpec> pair(bool one_backend,
                                                 Duration time = std::chrono::milliseconds(80)) {
  const FakeScript script = answering_in(time);
  if (one_backend) return {backend("a", {script, script})};
  return {backend("a", {script}), backend("b", {script})};
}

// Requests at a steady rate, and what became of them.
class Load {
 public:
  Load(SimGateway& gateway, bool stream) : gateway_(gateway), stream_(stream) {}

  void run(Duration time, Duration pause) {
    const TimePoint end = gateway_.loop.now() + time;
    while (gateway_.loop.now() < end) {
      sent_.push_back(gateway_.send(sim_chat(stream_)));
      gateway_.loop.run_for(pause);
    }
  }
  // Waits for all; then how many did not get a whole answer.
  size_t lost() {
    gateway_.loop.run_for(std::chrono::seconds(90));
    return static_cast<size_t>(std::ranges::count_if(sent_, [](const auto& one) {
      return !one->ended() || one->status() != 200 || !one->whole() || one->has_error();
    }));
  }
  [[nodiscard]] Duration longest() const {
    Duration longest{};
    for (const auto& one : sent_)
      longest = std::max(longest, one->ended_at() - one->sent_at());
    return longest;
  }
  [[nodiscard]] size_t size() const { return sent_.size(); }

 private:
  SimGateway& gateway_;
  bool stream_;
  std::vector<std::unique_ptr<SimRequest>> sent_;
};

// Its probes are answered, its requests are not.
inline void hang(SimGateway& gateway) {
  gateway.fake("a").script().fault = Fault::hang_before_head;
}

}  // namespace rocket
