#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lane.h"
#include "base/sha256.h"

namespace rocket {

// A key begins with this, so that one that has got somewhere can be found.
inline constexpr std::string_view key_prefix = "rk-";

// One entry of the keys file: a key that opens the data port, and what it may do.
struct KeyConfig {
  std::string name;
  Sha256 hash{};  // of the key; all zero: none given
  Lane lane = Lane::normal;
  std::vector<std::string> models;
  std::vector<std::string> backends;
  std::optional<std::uint32_t> rpm;
  std::optional<std::uint32_t> tpm;
  std::optional<std::uint32_t> concurrent;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("name", self.name, "How logs call the key. Required.");
    visit("hash", self.hash, "`sha256:` and the key's SHA-256 in hexadecimal digits. Required.");
    visit("lane", self.lane,
          "The most urgent lane of its requests: `interactive`, `normal` or `batch`.");
    visit("models", self.models,
          "The names that it may ask for, of models and routes; `*` stands for any characters. "
          "Default: all.");
    visit("backends", self.backends, "The backends that may answer it. Default: all.");
    visit("rpm", self.rpm, "Requests to backends per minute: 429 beyond. Default: no limit.");
    visit("tpm", self.tpm,
          "Tokens per minute, of prompts and answers together: 429 beyond. Default: no limit.");
    visit("concurrent", self.concurrent,
          "Requests to backends at once: 429 beyond. Default: no limit.");
  }

  [[nodiscard]] bool operator==(const KeyConfig&) const = default;
};

// The setting `keys_file`: where the keys are, and those that were there.
struct KeysFile {
  std::string path;  // empty: no keys, and no client needs one
  std::vector<KeyConfig> keys;

  [[nodiscard]] bool operator==(const KeysFile&) const = default;
};

}  // namespace rocket
