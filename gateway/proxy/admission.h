#pragma once

#include <array>
#include <optional>

#include "base/error.h"
#include "base/task.h"
#include "config/config.h"
#include "net/io.h"
#include "policy/capacity.h"
#include "policy/lane_queue.h"
#include "proxy/bells.h"
#include "telemetry/metrics.h"

namespace rocket {

// Who may start, and who waits: one loop's queue for places at endpoints.
//
// Whoever finds a place while nobody waits takes it. Else he enters; when a place comes free,
// those who wait are asked to start in the order that policy/lane_queue says. A request that
// waits belongs to its exchange: destroying its Waiting takes it out.
class Admission {
 public:
  // `index`: which of the loops that share `bells`.
  Admission(Timers& timers, MetricShard& metrics, Bells& bells, std::size_t index);
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  void set(const LanesConfig& lanes, std::uint32_t loops);

  // What waits for a place.
  class Waiting {
   public:
    Waiting(Admission& admission, Lane lane, const void* key)
        : admission_(admission), ticket_(*this, lane, key) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    virtual ~Waiting() { leave(); }

    // Suspends until it has started or `deadline` has come.
    [[nodiscard]] Wait until_started(TimePoint deadline) {
      return {admission_.timers_, slot_, deadline,
              started() ? Wait::Mode::go_on : Wait::Mode::park};
    }
    [[nodiscard]] bool started() const { return !ticket_.waits(); }

   protected:
    // Before it enters: equal for requests that can start at the same places.
    void set_places(std::uintptr_t places) { ticket_.set_places(places); }
    void leave() { admission_.leave(*this); }
    // Takes a place if there is one, or finds that there is nothing to wait for any more; false:
    // it has to go on waiting. Called from wherever a place comes free: it must not resume
    // anybody.
    [[nodiscard]] virtual bool try_start() = 0;

   private:
    friend class Admission;
    struct Ticket : LaneQueue::Ticket {
      Ticket(Waiting& owner, Lane lane, const void* key)
          : LaneQueue::Ticket(lane, key, 0), waiting(owner) {}
      Waiting& waiting;
    };
    Admission& admission_;
    WaitSlot slot_{admission_.timers_.run_queue()};
    Ticket ticket_;
  };

  // One attempt's place at an endpoint, or one request's in a route: given back when it is
  // destroyed, and whoever waits is told. The capacities outlive it.
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&& other) noexcept = default;
    Permit& operator=(Permit&& other) noexcept = default;
    ~Permit() { release(); }

    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(hold_); }
    void release() {
      if (!hold_) return;
      const bool at_endpoint = static_cast<bool>(second_);
      hold_.release();
      second_.release();
      if (at_endpoint) admission_->note_held(taken_at_);
      admission_->place_freed();
    }

   private:
    friend class Admission;
    Admission* admission_ = nullptr;
    Capacity::Hold hold_;
    Capacity::Hold second_;
    TimePoint taken_at_{};
  };
  // In both of them, or none.
  [[nodiscard]] Permit take(Capacity& capacity, Capacity& second, Lane lane);
  [[nodiscard]] Permit take(Capacity& capacity, Lane lane);

  [[nodiscard]] bool anyone_waits() const { return !queue_.empty(); }
  // How many requests of that lane do.
  [[nodiscard]] std::size_t waiting(Lane lane) const { return queue_.waiting(lane); }
  // It waits from now on, or has started. Errors: overloaded, if its lane is full or the wait
  // would be longer than `most`.
  [[nodiscard]] Result<void> enter(Waiting& waiting, Duration most);
  // A place that somebody here may wait for, or at another loop, has come free.
  void place_freed();
  // The same, from another loop.
  void look() { static_cast<void>(serve()); }

  // When asking again may help who is turned away: as soon as he would be served by now.
  [[nodiscard]] Duration expected_wait(const Waiting& turned_away) const;
  void observe(Lane lane, Duration waited) { wait_of(lane).observe(waited); }

 private:
  void leave(Waiting& waiting);
  // True: somebody has started.
  [[nodiscard]] bool serve();
  [[nodiscard]] Task<void> watch();
  [[nodiscard]] Histogram& wait_of(Lane lane) { return waits_[static_cast<std::size_t>(lane)]; }
  void note_depth(Lane lane);
  // A place at an endpoint that was taken at `since` is given back.
  void note_held(TimePoint since);

  Timers& timers_;
  Bells& bells_;
  std::size_t index_;
  LaneQueue queue_{LaneQueue::Settings{}};
  std::array<Gauge, all_lanes.size()> depths_;
  std::array<Histogram, all_lanes.size()> waits_;
  bool serving_ = false;
  std::uint32_t held_ = 0;   // places at endpoints, by requests of this loop
  double held_seconds_ = 0;  // how long they are, of late; 0: not known
  TaskGroup watching_;
};

}  // namespace rocket
