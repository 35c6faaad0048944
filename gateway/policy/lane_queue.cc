#include "policy/lane_queue.h"

#include <algorithm>

namespace rocket {

bool LaneQueue::has_room(const Ticket& ticket) const {
  const LaneState& lane = of(ticket.lane_);
  const std::uint32_t most = settings_[static_cast<std::size_t>(ticket.lane_)].most;
  if (lane.waiting < most) return true;
  // Of `all` of them, to which one who does not wait yet comes.
  const auto has_part = [most](std::uint32_t waiting, std::size_t all) {
    return waiting < most / (all + (waiting == 0 ? 1 : 0));
  };
  const auto places = places_.find(ticket.places_);
  const std::uint32_t there = places == places_.end() ? 0 : places->second.of(ticket.lane_);
  return has_part(lane.waiting_of(ticket.key_), lane.shares.size()) || has_part(there, lane.places);
}

bool LaneQueue::enter(Ticket& ticket) {
  if (!has_room(ticket)) return false;
  LaneState& lane = of(ticket.lane_);
  if (lane.waiting++ == 0) lane.pass = std::max(lane.pass, clock_);
  auto found = lane.by_key.find(ticket.key_);
  if (found == lane.by_key.end()) {
    lane.shares.emplace_back(ticket.key_);
    found = lane.by_key.emplace(ticket.key_, std::prev(lane.shares.end())).first;
  }
  ++found->second->waiting;
  ticket.hook_.link_before(found->second->tickets);
  ticket.queue_ = this;
  if (places_[ticket.places_].of(ticket.lane_)++ == 0) {
    ++awaited_;
    ++lane.places;
  }
  return true;
}

void LaneQueue::leave(Ticket& ticket) {
  if (ticket.queue_ == nullptr) return;
  ticket.queue_ = nullptr;
  ticket.hook_.unlink();
  LaneState& lane = of(ticket.lane_);
  --lane.waiting;
  const auto share = lane.by_key.find(ticket.key_);
  if (--share->second->waiting == 0) {
    lane.shares.erase(share->second);
    lane.by_key.erase(share);
  }
  const auto found = places_.find(ticket.places_);
  Places& places = found->second;
  if (--places.of(ticket.lane_) == 0) {
    --awaited_;
    --lane.places;
  }
  if (places.all() != 0) return;
  // Who waits next waits anew: the pause until then says nothing about the pace.
  places.last_start.reset();
  constexpr std::size_t remembered_max = 64;
  if (places_.size() > remembered_max) places_.erase(found);
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
  if (blocked_.size() == awaited_) return nullptr;
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
  Places& places = places_.find(ticket.places_)->second;
  if (places.last_start) {
    constexpr std::uint32_t memory = 16;
    places.intervals = std::min(places.intervals + 1, memory);
    places.interval += (now - *places.last_start - places.interval) / places.intervals;
  }
  places.last_start = now;
}

std::optional<Duration> LaneQueue::expected_wait(Lane lane, std::uintptr_t places,
                                                 const void* key) const {
  constexpr std::uint32_t intervals_min = 4;
  const auto found = places_.find(places);
  if (found == places_.end()) return std::nullopt;
  const Places& known = found->second;
  if (known.intervals < intervals_min || known.all() == 0) return std::nullopt;
  double weights = 0;
  for (const Lane one : all_lanes) {
    if (one == lane || known.of(one) != 0) weights += weight(one);
  }
  // Its key has its turn as often as each other, however many of theirs wait.
  const LaneState& state = of(lane);
  const std::uint64_t own = state.waiting_of(key);
  const std::uint64_t rounds = (own + 1) * (state.shares.size() + (own == 0 ? 1 : 0));
  const std::uint32_t in_lane = known.of(lane) + 1;
  const auto before = static_cast<std::uint32_t>(std::min<std::uint64_t>(in_lane, rounds));
  const double turns = before * weights / weight(lane);
  // Others may be fewer than their share would let them be.
  const std::uint32_t all = known.all() + 1 - (in_lane - before);
  return std::chrono::duration_cast<Duration>(known.interval * std::min<double>(turns, all));
}

std::uint32_t LaneQueue::waiting_for(std::uintptr_t places) const {
  const auto found = places_.find(places);
  return found == places_.end() ? 0 : found->second.all();
}

}  // namespace rocket
