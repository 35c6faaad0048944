#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rocket {

// Bytes of one client connection: a few good requests with random damage, the kind that makes two
// readers see two different things. `markers` are words that only this client's answers hold.
struct MutatedStream {
  std::string bytes;
  std::vector<std::string> markers;
};
[[nodiscard]] MutatedStream mutated_stream(std::uint64_t seed, const std::string& client);

// What is not canonical about a request as it reached an upstream; empty if nothing is. Written
// without the gateway's own parser: a second opinion.
[[nodiscard]] std::string not_canonical(std::string_view raw, std::string_view authority);

// Sends `count` mutated streams, two clients at a time, through a simulated gateway to a recorder.
// Returns what went wrong: a delivery that is not canonical, an answer with another client's
// words, something left over.
[[nodiscard]] std::string try_mutated_streams(std::uint64_t seed, std::uint64_t count);

}  // namespace rocket
