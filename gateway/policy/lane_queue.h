#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/assert.h"
#include "base/clock.h"
#include "base/lane.h"
#include "base/waiter.h"

namespace rocket {

// Requests that wait for a place, and whose turn it is.
//
// Lanes share by weight (start-time fair queueing: Goyal, Vin, Cheng 1996), the keys of a lane
// in equal parts, the requests of a key as they came. Who can not start because all the places
// that he could take are full holds up only those who wait for the same places.
//
// Pure: it is told the time, and asks whoever serves it whether a request can start. One per
// loop.
class LaneQueue {
 public:
  struct LaneSettings {
    std::uint32_t weight = 1;
    std::uint32_t most = 256;  // so many wait; 0: nobody
  };
  using Settings = std::array<LaneSettings, all_lanes.size()>;

  // One request that waits or may come to. Leaves the queue when it is destroyed.
  class Ticket {
   public:
    // Of one `key` (any pointer that tells keys apart). Requests with the same `places` and lane
    // can start or not alike.
    Ticket(Lane lane, const void* key, std::uintptr_t places)
        : lane_(lane), key_(key), places_(places) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() {
      if (queue_ != nullptr) queue_->leave(*this);
    }
    [[nodiscard]] bool waits() const { return queue_ != nullptr; }
    [[nodiscard]] Lane lane() const { return lane_; }
    // Not while it waits.
    void set_places(std::uintptr_t places) {
      ROCKET_ASSERT(!waits());
      places_ = places;
    }

   private:
    friend class LaneQueue;
    struct Hook : ListHook {
      explicit Hook(Ticket& owner) : ticket(owner) {}
      Ticket& ticket;
    };
    Hook hook_{*this};
    Lane lane_;
    const void* key_;
    std::uintptr_t places_;
    LaneQueue* queue_ = nullptr;
  };

  explicit LaneQueue(const Settings& settings) : settings_(settings) {}
  LaneQueue(const LaneQueue&) = delete;
  LaneQueue& operator=(const LaneQueue&) = delete;

  // Those who wait go on waiting.
  void set(const Settings& settings) { settings_ = settings; }

  // False: its lane is full.
  [[nodiscard]] bool enter(Ticket& ticket);
  void leave(Ticket& ticket);
  [[nodiscard]] bool empty() const { return places_.empty(); }
  [[nodiscard]] std::uint32_t waiting(Lane lane) const { return of(lane).waiting; }

  // Offers a start to those who wait, whoever's turn it is first, until nobody more can:
  // `start(ticket)` says whether it did, and changes nothing about who waits. Returns how many did.
  template <class Start>
  std::size_t serve(TimePoint now, Start start) {
    std::size_t served = 0;
    blocked_.clear();
    while (Ticket* const ticket = next()) {
      if (start(*ticket)) {
        ++served;
        charge(*ticket, now);
        leave(*ticket);
      } else {
        blocked_.push_back(places_of(*ticket));
      }
    }
    return served;
  }

  // How long one who enters `lane` now is likely to wait, from the pace at which places came free
  // of late; none while that is not known.
  [[nodiscard]] std::optional<Duration> expected_wait(Lane lane) const;

 private:
  // The tickets of one key in one lane.
  struct Share {
    explicit Share(const void* owner) : key(owner) {}
    const void* key;
    ListHook tickets;
  };
  struct LaneState {
    std::uint32_t waiting = 0;
    double pass = 0;          // what it has had, over its weight
    std::list<Share> shares;  // whose turn it is first
    std::unordered_map<const void*, std::list<Share>::iterator> by_key;
  };

  [[nodiscard]] LaneState& of(Lane lane) { return lanes_[static_cast<std::size_t>(lane)]; }
  [[nodiscard]] const LaneState& of(Lane lane) const {
    return lanes_[static_cast<std::size_t>(lane)];
  }
  [[nodiscard]] double weight(Lane lane) const {
    return settings_[static_cast<std::size_t>(lane)].weight;
  }
  // Of a batch request other places are full than of others.
  [[nodiscard]] static std::uintptr_t places_of(const Ticket& ticket) {
    return ticket.places_ * 4 + static_cast<std::uintptr_t>(ticket.lane_);
  }
  [[nodiscard]] Ticket* next();
  [[nodiscard]] Ticket* next_of(LaneState& lane);
  [[nodiscard]] bool blocked(const Ticket& ticket) const;
  void charge(const Ticket& ticket, TimePoint now);

  Settings settings_;
  std::array<LaneState, all_lanes.size()> lanes_;
  double clock_ = 0;                                          // the pass of who was served last
  std::unordered_map<std::uintptr_t, std::uint32_t> places_;  // that anybody waits for
  std::vector<std::uintptr_t> blocked_;
  // While somebody waits: how far apart starts are.
  std::optional<TimePoint> last_start_;
  Duration interval_{};
  std::uint32_t intervals_ = 0;
};

}  // namespace rocket
