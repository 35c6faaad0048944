#pragma once

#include <cstddef>
#include <utility>

#include "base/waiter.h"

namespace rocket {

// How many files a loop is fetching.
class MediaPlaces {
 public:
  // The right to fetch one, given back by its destructor.
  class Place {
   public:
    Place() = default;
    explicit Place(MediaPlaces& places) : places_(&places) { ++places.held_; }
    Place(Place&& other) noexcept : places_(std::exchange(other.places_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(places_, other.places_);
      return *this;
    }
    ~Place() {
      if (places_ == nullptr) return;
      --places_->held_;
      places_->freed_.signal_all();
    }

   private:
    MediaPlaces* places_ = nullptr;
  };

  explicit MediaPlaces(RunQueue& queue) : freed_(queue) {}
  [[nodiscard]] size_t held() const { return held_; }
  // Signalled when there may be room again.
  [[nodiscard]] WaitSlot& freed() { return freed_; }

 private:
  size_t held_ = 0;
  WaitSlot freed_;
};

}  // namespace rocket
