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
// A lane's room is shared likewise. Whoever comes first may fill it; beyond that each key, and
// those who wait for the same places, may still have as much as an equal part of it. So neither a
// key that floods nor a model that is stuck has others turned away, and what n of them add is
// bounded: half the room for the second, a third of it for the third.
//
// Pure: it is told the time, and asks whoever serves it whether a request can start. One per
// loop.
class LaneQueue {
 public:
  struct LaneSettings {
    std::uint32_t weight = 1;
    std::uint32_t most = 256;  // its room: so many wait; 0: nobody
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
    [[nodiscard]] std::uintptr_t places() const { return places_; }
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
  [[nodiscard]] bool empty() const { return awaited_ == 0; }
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

  // How long one of `key` who enters `lane` now is likely to wait for these places, from the pace
  // at which they came free of late; none while that is not known.
  [[nodiscard]] std::optional<Duration> expected_wait(Lane lane, std::uintptr_t places,
                                                      const void* key = nullptr) const;
  [[nodiscard]] std::optional<Duration> expected_wait(const Ticket& ticket) const {
    return expected_wait(ticket.lane_, ticket.places_, ticket.key_);
  }
  // Of how many places something is known.
  [[nodiscard]] std::size_t remembered() const { return places_.size(); }
  // How many wait for them.
  [[nodiscard]] std::uint32_t waiting_for(std::uintptr_t places) const;

 private:
  // The tickets of one key in one lane.
  struct Share {
    explicit Share(const void* owner) : key(owner) {}
    const void* key;
    std::uint32_t waiting = 0;
    ListHook tickets;
  };
  struct LaneState {
    std::uint32_t waiting = 0;
    std::uint32_t places = 0;  // so many different ones are waited for
    double pass = 0;           // what it has had, over its weight
    std::list<Share> shares;   // whose turn it is first
    std::unordered_map<const void*, std::list<Share>::iterator> by_key;

    [[nodiscard]] std::uint32_t waiting_of(const void* key) const {
      const auto found = by_key.find(key);
      return found == by_key.end() ? 0 : found->second->waiting;
    }
  };

  // The same places, and those who wait for them.
  struct Places {
    std::array<std::uint32_t, all_lanes.size()> waiting{};
    // While somebody waits: how far apart starts are. One model's pace says nothing of another's.
    std::optional<TimePoint> last_start;
    Duration interval{};
    std::uint32_t intervals = 0;

    [[nodiscard]] std::uint32_t& of(Lane lane) { return waiting[static_cast<std::size_t>(lane)]; }
    [[nodiscard]] std::uint32_t of(Lane lane) const {
      return waiting[static_cast<std::size_t>(lane)];
    }
    [[nodiscard]] std::uint32_t all() const { return waiting[0] + waiting[1] + waiting[2]; }
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
  [[nodiscard]] bool has_room(const Ticket& ticket) const;
  [[nodiscard]] Ticket* next();
  [[nodiscard]] Ticket* next_of(LaneState& lane);
  [[nodiscard]] bool blocked(const Ticket& ticket) const;
  void charge(const Ticket& ticket, TimePoint now);

  Settings settings_;
  std::array<LaneState, all_lanes.size()> lanes_;
  double clock_ = 0;  // the pass of who was served last
  // That somebody waits for, and some whose pace is remembered.
  std::unordered_map<std::uintptr_t, Places> places_;
  std::size_t awaited_ = 0;  // as many as places_of() tells apart
  std::vector<std::uintptr_t> blocked_;
};

}  // namespace rocket
