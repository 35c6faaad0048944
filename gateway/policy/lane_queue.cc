#include "policy/lane_queue.h"

#include <algorithm>

namespace rocket {

bool LaneQueue::enter(Ticket& ticket) {
  LaneState& lane = of(ticket.lane_);
  if (lane.waiting >= settings_[static_cast<std::size_t>(ticket.lane_)].most) return false;
  if (lane.waiting++ == 0) lane.pass = std::max(lane.pass, clock_);
  auto found = lane.by_key.find(ticket.key_);
  if (found == lane.by_key.end()) {
    lane.shares.emplace_back(ticket.key_);
    found = lane.by_key.emplace(ticket.key_, std::prev(lane.shares.end())).first;
  }
  ticket.hook_.link_before(found->second->tickets);
  ticket.queue_ = this;
  ++places_[places_of(ticket)];
  return true;
}

void LaneQueue::leave(Ticket& ticket) {
  if (ticket.queue_ == nullptr) return;
  ticket.queue_ = nullptr;
  ticket.hook_.unlink();
  LaneState& lane = of(ticket.lane_);
  --lane.waiting;
  const auto share = lane.by_key.find(ticket.key_);
  if (!share->second->tickets.linked()) {
    lane.shares.erase(share->second);
    lane.by_key.erase(share);
  }
  const auto places = places_.find(places_of(ticket));
  if (--places->second == 0) places_.erase(places);
  // Who waits next waits anew: the pause until then says nothing about the pace.
  if (empty()) last_start_.reset();
}

bool LaneQueue::blocked(const Ticket& ticket) const {
  return std::ranges::find(blocked_, places_of(ticket)) != blocked_.end();
}

LaneQueue::Ticket* LaneQueue::next_of(LaneState& lane) {
  for (Share& share : lane.shares) {
    for (ListHook* hook = share.tickets.next(); hook != &share.tickets; hook = hook->next()) {
      Ticket& ticket = static_cast<Ticket::Hook*>(hook)->ticket;
      if (!blocked(ticket)) return &ticket;
    }
  }
  return nullptr;
}

LaneQueue::Ticket* LaneQueue::next() {
  // All places that anybody waits for are full: no need to look at everybody.
  if (blocked_.size() == places_.size()) return nullptr;
  std::array<LaneState*, all_lanes.size()> turns{};
  std::ranges::transform(lanes_, turns.begin(), [](LaneState& lane) { return &lane; });
  // Of equals the more urgent.
  std::ranges::sort(turns, [](const LaneState* one, const LaneState* other) {
    return one->pass != other->pass ? one->pass < other->pass : one < other;
  });
  for (LaneState* const lane : turns) {
    if (Ticket* const ticket = next_of(*lane)) return ticket;
  }
  return nullptr;
}

void LaneQueue::charge(const Ticket& ticket, TimePoint now) {
  LaneState& lane = of(ticket.lane_);
  clock_ = lane.pass;
  lane.pass += 1 / weight(ticket.lane_);
  // A key that has been served waits until the others of its lane have been.
  const auto share = lane.by_key.find(ticket.key_);
  if (share != lane.by_key.end()) {
    lane.shares.splice(lane.shares.end(), lane.shares, share->second);
  }
  if (last_start_) {
    constexpr std::uint32_t memory = 16;
    intervals_ = std::min(intervals_ + 1, memory);
    interval_ += (now - *last_start_ - interval_) / intervals_;
  }
  last_start_ = now;
}

std::optional<Duration> LaneQueue::expected_wait(Lane lane) const {
  constexpr std::uint32_t intervals_min = 4;
  if (intervals_ < intervals_min || empty()) return std::nullopt;
  double weights = 0;
  for (const Lane one : all_lanes) {
    if (one == lane || of(one).waiting != 0) weights += weight(one);
  }
  const double turns = (of(lane).waiting + 1) * weights / weight(lane);
  // Others may be fewer than their share would let them be.
  std::uint32_t all = 1;
  for (const LaneState& one : lanes_)
    all += one.waiting;
  return std::chrono::duration_cast<Duration>(interval_ * std::min<double>(turns, all));
}

}  // namespace rocket
