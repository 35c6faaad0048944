#include "testing/simulation_faults.h"

#include <algorithm>

namespace rocket {

void SimFaults::disturb() {
  std::vector<UpstreamCalls::Host>& hosts = calls_.hosts();
  UpstreamCalls::Host& host = hosts[dice_.below(hosts.size())];
  if (host.backend == sound_name || host.backend == doomed_name) return;
  SimLink& link = gateway_.link(host.backend, host.index);
  FakeScript& script = gateway_.fake(host.backend, host.index).script();
  switch (dice_.below(9)) {
    case 0: refuse(host); break;
    case 1: link.connect = SimLink::Connect::black_hole; break;
    case 2: link.connect = SimLink::Connect::accept; break;
    case 3: link.split_reads = !link.split_reads; break;
    case 4:
      link.bytes_per_second = dice_.chance(0.5) ? 1000 + dice_.below(100'000) : 0;
      host.tame = false;
      break;
    case 5:
      gateway_.freeze(host.backend, host.index, !link.frozen);
      host.tame = false;
      break;
    case 6: flapping_.push_back({&host, 200ms + dice_.up_to(4000), gateway_.loop.now()}); break;
    case 7: script.healthy = !script.healthy; break;
    default:
      script = random_script(dice_, host.kind, plan_.long_answers);
      if (script.models.size() != 2) host.has_all_models = false;
  }
}

void SimFaults::refuse(UpstreamCalls::Host& host) {
  host.cut_at.push_back(gateway_.loop.now());
  gateway_.refuse(host.backend, host.index);
}

// The old machine is gone, or goes on for those who still know it: the sound one's does.
void SimFaults::move(SimDice& dice) {
  const size_t which = dice.below(calls_.hosts().size());
  UpstreamCalls::Host& host = calls_.hosts()[which];
  if (host.backend == doomed_name) return;
  const bool sound = host.backend == sound_name;
  FakeScript script =
      sound ? sound_script(dice, host.kind) : random_script(dice, host.kind, plan_.long_answers);
  if (script.models.size() != 2) host.has_all_models = false;
  if (!sound && dice.chance(0.5)) refuse(host);
  constexpr std::uint64_t remembered_ms = 10'000;  // by a resolver: net/resolver
  const Duration seen_after = dice.up_to(remembered_ms);
  calls_.move(which, gateway_.loop.now());
  gateway_.move(host.backend, host.index, std::move(script), seen_after)
      .watch(calls_.watch(which, gateway_.loop));
}

void SimFaults::go_on() {
  for (Flap& flap : flapping_) {
    if (flap.next > gateway_.loop.now()) continue;
    flap.next += flap.period;
    UpstreamCalls::Host& host = *flap.host;
    SimLink& link = gateway_.link(host.backend, host.index);
    if (link.connect == SimLink::Connect::accept) {
      refuse(host);
    } else {
      link.connect = SimLink::Connect::accept;
    }
  }
}

TimePoint SimFaults::next() const {
  TimePoint next = never;
  for (const Flap& flap : flapping_)
    next = std::min(next, flap.next);
  return next;
}

}  // namespace rocket
