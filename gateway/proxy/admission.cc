#include "proxy/admission.h"

#include <algorithm>
#include <string>
#include <utility>

namespace rocket {
namespace {

// Most places come free by a request that ends, which is noticed at once; an endpoint that is
// well again, or a place at another loop that two have missed, within this time.
constexpr Duration look_again = std::chrono::milliseconds(50);

}  // namespace

Admission::Admission(Timers& timers, MetricShard& metrics, Bells& bells, std::size_t index)
    : timers_(timers), bells_(bells), index_(index), watching_(timers.run_queue()) {
  for (const Lane lane : all_lanes) {
    const auto at = static_cast<std::size_t>(lane);
    depths_[at] = metrics.gauge(Family::queue_depth, {to_string(lane)});
    waits_[at] = metrics.histogram(Family::queue_wait, {to_string(lane)});
  }
}

void Admission::set(const LanesConfig& lanes, std::uint32_t loops) {
  const auto settings = [&](const LaneConfig& lane) {
    // Each loop has its part of a lane's room.
    const std::uint32_t most = lane.queue / loops + (lane.queue % loops != 0);
    return LaneQueue::LaneSettings{lane.weight, most};
  };
  queue_.set({settings(lanes.interactive), settings(lanes.normal), settings(lanes.batch)});
}

Admission::Permit Admission::take(Capacity& capacity, Lane lane) {
  Permit permit;
  permit.admission_ = this;
  permit.hold_ = capacity.take(lane);
  return permit;
}

Admission::Permit Admission::take(Capacity& capacity, Capacity& second, Lane lane) {
  Capacity::Hold held = second.take(lane);
  if (!held) return {};
  Permit permit = take(capacity, lane);
  if (!permit) return permit;
  permit.second_ = std::move(held);
  permit.taken_at_ = timers_.now();
  ++held_;
  return permit;
}

Result<void> Admission::enter(Waiting& waiting, Duration most) {
  const Lane lane = waiting.ticket_.lane();
  const auto expected = queue_.expected_wait(waiting.ticket_);
  if (expected && *expected > most) {
    return fail(ErrorCode::overloaded,
                "too many requests wait for a place: this one would have to wait longer than "
                "timeouts.queue; try again after the time in retry-after");
  }
  if (!queue_.enter(waiting.ticket_)) {
    return fail(ErrorCode::overloaded, "the queue of the lane " + std::string(to_string(lane)) +
                                           " is full (lanes." + std::string(to_string(lane)) +
                                           ".queue); try again after the time in retry-after");
  }
  note_depth(lane);
  bells_.set_waiting(index_, true);
  if (watching_.size() == 0) watching_.spawn(watch());
  // It may be first in turn, and there may be a place that others could not use.
  look();
  return {};
}

void Admission::leave(Waiting& waiting) {
  if (!waiting.ticket_.waits()) return;
  queue_.leave(waiting.ticket_);
  note_depth(waiting.ticket_.lane());
  bells_.set_waiting(index_, anyone_waits());
}

void Admission::place_freed() {
  if (!serve()) bells_.ring_others(index_);
}

bool Admission::serve() {
  // Who is being asked may give back a place that he can not use.
  if (queue_.empty() || std::exchange(serving_, true)) return false;
  const std::size_t started = queue_.serve(timers_.now(), [](LaneQueue::Ticket& ticket) {
    Waiting& waiting = static_cast<Waiting::Ticket&>(ticket).waiting;
    if (!waiting.try_start()) return false;
    waiting.slot_.signal_one();
    return true;
  });
  serving_ = false;
  if (started == 0) return false;
  for (const Lane lane : all_lanes)
    note_depth(lane);
  bells_.set_waiting(index_, anyone_waits());
  return true;
}

Task<void> Admission::watch() {
  while (anyone_waits()) {
    co_await SleepUntil(timers_, timers_.now() + look_again);
    look();
  }
}

// While it is not known how far apart starts are: as if places that are held as long as of late
// came free one after the other.
Duration Admission::expected_wait(const Waiting& turned_away) const {
  constexpr Duration soon = std::chrono::seconds(1);
  const LaneQueue::Ticket& ticket = turned_away.ticket_;
  const auto paced = queue_.expected_wait(ticket);
  if (paced) return std::max(*paced, soon);
  const std::uint32_t turns = queue_.waiting_for(ticket.places()) + 1;
  const std::chrono::duration<double> wait(held_seconds_ * turns / std::max(held_, 1U));
  return std::max(std::chrono::duration_cast<Duration>(wait), soon);
}

void Admission::note_held(TimePoint since) {
  constexpr double share_of_new = 0.2;
  --held_;
  const double seconds = std::chrono::duration<double>(timers_.now() - since).count();
  // Given back unused.
  if (seconds <= 0) return;
  held_seconds_ =
      held_seconds_ == 0 ? seconds : held_seconds_ + share_of_new * (seconds - held_seconds_);
}

void Admission::note_depth(Lane lane) {
  depths_[static_cast<std::size_t>(lane)].set(queue_.waiting(lane));
}

}  // namespace rocket
