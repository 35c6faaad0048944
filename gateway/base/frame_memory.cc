#include "base/frame_memory.h"

#include <array>
#include <new>

namespace rocket {
namespace {

// g++ defines the first two; clang answers when asked.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool keeps = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool keeps = false;
#else
constexpr bool keeps = true;
#endif
#else
constexpr bool keeps = true;
#endif

constexpr std::size_t step = 64;
constexpr std::size_t frame_bytes_max = 4096;

// A frame nobody uses: the first of its bytes say where the next one is.
struct Kept {
  Kept* next;
};

class FrameStore {
 public:
  constexpr FrameStore() = default;
  FrameStore(const FrameStore&) = delete;
  FrameStore& operator=(const FrameStore&) = delete;
  ~FrameStore() {
    for (std::size_t size = 0; size < lists_.size(); ++size) {
      while (void* const frame = take(size))
        ::operator delete(frame);
    }
  }

  [[nodiscard]] void* take(std::size_t size) {
    Kept* const first = lists_[size];
    if (first == nullptr) return nullptr;
    lists_[size] = first->next;
    bytes_ -= (size + 1) * step;
    return first;
  }

  // False if there is no room.
  [[nodiscard]] bool keep(void* frame, std::size_t size) {
    const std::size_t bytes = (size + 1) * step;
    if (bytes_ + bytes > kept_frame_bytes_max) return false;
    bytes_ += bytes;
    lists_[size] = ::new (frame) Kept{lists_[size]};
    return true;
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::array<Kept*, frame_bytes_max / step> lists_{};
  std::size_t bytes_ = 0;
};

thread_local FrameStore store;

// Which list a frame of so many bytes belongs to.
std::size_t size_of(std::size_t bytes) {
  return (bytes - 1) / step;
}

}  // namespace

void* take_frame(std::size_t bytes) {
  if (!keeps || bytes > frame_bytes_max) return ::operator new(bytes);
  const std::size_t size = size_of(bytes);
  void* const kept = store.take(size);
  return kept != nullptr ? kept : ::operator new((size + 1) * step);
}

void give_frame(void* frame, std::size_t bytes) noexcept {
  if (!keeps || bytes > frame_bytes_max || !store.keep(frame, size_of(bytes))) {
    ::operator delete(frame);
  }
}

std::size_t kept_frame_bytes() {
  return store.bytes();
}

}  // namespace rocket
