#include "base/frame_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "base/task.h"

namespace rocket {
namespace {

// On a thread of its own, whose store is empty when it begins.
template <class Work>
void apart(Work work) {
  std::thread(work).join();
}

bool keeps() {
  bool kept = false;
  apart([&] {
    give_frame(take_frame(100), 100);
    kept = kept_frame_bytes() != 0;
  });
  return kept;
}

TEST(FrameMemory, GivesAFrameToTheNextOfItsSize) {
  if (!keeps()) GTEST_SKIP() << "a sanitizer watches frames";
  apart([] {
    void* const small = take_frame(100);
    void* const large = take_frame(1000);
    give_frame(small, 100);
    give_frame(large, 1000);
    EXPECT_EQ(take_frame(1000), large);
    EXPECT_EQ(take_frame(65), small);  // of the same 64-byte step
    EXPECT_EQ(kept_frame_bytes(), 0U);
    give_frame(small, 65);
    give_frame(large, 1000);
  });
}

TEST(FrameMemory, FramesAreAsLargeAsWasAsked) {
  apart([] {
    for (int round = 0; round < 2; ++round) {
      for (std::size_t bytes = 1; bytes <= 5000; bytes += 7) {
        void* const frame = take_frame(bytes);
        std::memset(frame, 0xA5, bytes);
        give_frame(frame, bytes);
      }
    }
  });
}

TEST(FrameMemory, KeepsNoMoreThanItsBound) {
  apart([] {
    std::vector<void*> frames;
    for (int i = 0; i < 1000; ++i)
      frames.push_back(take_frame(2000));
    for (void* const frame : frames)
      give_frame(frame, 2000);
    EXPECT_LE(kept_frame_bytes(), kept_frame_bytes_max);
  });
}

// Not inlined: a frame that the optimiser sees all of needs no memory.
[[gnu::noinline]] Task<> nothing() {
  co_return;
}

TEST(FrameMemory, HoldsTheFramesOfTasks) {
  if (!keeps()) GTEST_SKIP() << "a sanitizer watches frames";
  apart([] {
    {
      const Task<> unstarted = nothing();
    }
    const std::size_t kept = kept_frame_bytes();
    EXPECT_GT(kept, 0U);
    {
      const Task<> unstarted = nothing();
    }
    EXPECT_EQ(kept_frame_bytes(), kept);
  });
}

}  // namespace
}  // namespace rocket
