#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/lane.h"
#include "base/sha256.h"
#include "policy/key_limits.h"
#include "policy/key_scope.h"

namespace rocket {

// A client's key as we know it: what it may do, never the key itself.
struct Key {
  std::string name;  // how logs call it
  Lane lane = Lane::normal;
  KeyScope scope;
  std::shared_ptr<KeyLimits> limits;
  Sha256 hash{};  // what tells it from others, also over a reload; its ring knows it
};

// The keys that open the data port, found by their hash: the look-up costs the same however many
// there are, and how long it takes says nothing about a key that nearly fits.
class KeyRing {
 public:
  KeyRing() = default;
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  // Hashes are different from each other.
  void add(const Sha256& hash, Key key) {
    key.hash = hash;
    const auto added = keys_.emplace(hash, std::move(key)).first;
    names_.emplace(added->second.name, &added->second);
  }

  // The key whose hash is that of `secret`, or null.
  [[nodiscard]] const Key* find(std::string_view secret) const { return find(sha256(secret)); }
  [[nodiscard]] const Key* find(const Sha256& hash) const;
  // The key of that name, or null: for what somebody has left to be done without him.
  [[nodiscard]] const Key* named(std::string_view name) const;
  [[nodiscard]] size_t size() const { return keys_.size(); }

 private:
  // Any eight bytes of a digest are as good as a hash of it.
  struct FirstBytes {
    [[nodiscard]] size_t operator()(const Sha256& hash) const;
  };
  // In the same time wherever they differ.
  struct Equal {
    [[nodiscard]] bool operator()(const Sha256& one, const Sha256& other) const;
  };

  std::unordered_map<Sha256, Key, FirstBytes, Equal> keys_;
  std::unordered_map<std::string_view, const Key*> names_;
};

}  // namespace rocket
