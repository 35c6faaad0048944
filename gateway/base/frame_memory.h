#pragma once

#include <cstddef>

namespace rocket {

// Memory for the frames of coroutines. A thread keeps what its tasks give back, by size and up to
// a bound, for the next ones: a request takes a dozen frames, and the larger ones would each go
// the long way through malloc and free. Under a sanitizer nothing is kept, so that it sees a frame
// used after its end.
[[nodiscard]] void* take_frame(std::size_t bytes);
// `bytes`: as they were taken.
void give_frame(void* frame, std::size_t bytes) noexcept;

// How much this thread keeps, and the most it ever does.
[[nodiscard]] std::size_t kept_frame_bytes();
constexpr std::size_t kept_frame_bytes_max = 128 * 1024;

}  // namespace rocket
