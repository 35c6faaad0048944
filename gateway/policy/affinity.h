#pragma once

#include <cstdint>
#include <string_view>

namespace rocket {

// Rendezvous hashing (Thaler and Ravishankar, 1998): of the endpoints that will do, a session goes
// to the one with which it has the highest score. Nothing is kept of a session, every gateway
// comes to the same result, and when an endpoint goes only its own sessions move.

// FNV-1a, the same everywhere.
[[nodiscard]] constexpr std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

// Of two hashes; as if drawn anew for each pair.
[[nodiscard]] constexpr std::uint64_t affinity(std::uint64_t session, std::uint64_t endpoint) {
  std::uint64_t mixed = session ^ (endpoint + 0x9e3779b97f4a7c15U + (session << 6));
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

}  // namespace rocket
