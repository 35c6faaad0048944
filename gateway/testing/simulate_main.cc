#include <CLI/CLI.hpp>
#include <cstdio>

#include "testing/mutated_streams.h"
#include "testing/simulation.h"

// Runs simulated lives of a gateway, one per seed, and names every seed whose life broke a promise.
int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t count = 1;
  CLI::App app("Simulated lives of a gateway");
  app.add_option("--seed", seed, "the first seed");
  app.add_option("--count", count, "how many seeds from there on");
  bool mutated = false;
  app.add_flag("--mutated", mutated, "damaged client streams instead; --count of them");
  bool first = false;
  app.add_flag("--first", first, "stop at the first seed whose life breaks a promise");
  CLI11_PARSE(app, argc, argv);
  // Whoever waits for many lives learns of a bad one at once.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (mutated) {
    const std::string failure = rocket::try_mutated_streams(seed, count);
    std::printf("%llu mutated streams from seed %llu: %s\n", static_cast<unsigned long long>(count),
                static_cast<unsigned long long>(seed),
                failure.empty() ? "every delivery canonical" : failure.c_str());
    return failure.empty() ? 0 : 1;
  }
  std::uint64_t failed = 0;
  for (std::uint64_t i = seed; i < seed + count; ++i) {
    const std::string failure = rocket::simulate(i);
    if (failure.empty()) continue;
    ++failed;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(i), failure.c_str());
    if (first) return 1;
  }
  std::printf("%llu seeds, %llu failed\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}
