#include "base/out_of_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <memory>
#include <vector>

namespace rocket {
namespace {

// A sanitizer has ideas of its own about memory that is not there.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

TEST(OutOfMemory, EndsTheProcessWithALine) {
  if (sanitized) GTEST_SKIP() << "not under a sanitizer";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto take_all = [] {
    abort_when_out_of_memory();
    const rlimit little{256U << 20U, 256U << 20U};
    ::setrlimit(RLIMIT_AS, &little);
    std::vector<std::unique_ptr<std::vector<char>>> taken;
    while (true)
      taken.push_back(std::make_unique<std::vector<char>>(size_t{1} << 20U));
  };
  EXPECT_EXIT(take_all(), testing::KilledBySignal(SIGABRT), "^\\{.*out of memory.*\\}");
}

}  // namespace
}  // namespace rocket
