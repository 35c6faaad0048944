#pragma once

#include <cstdint>
#include <string>

namespace rocket {

// What an Ollama tells of one of its models for people and their programs to look at. Nothing of it
// decides anything; others tell nothing of the kind.
struct ModelCard {
  std::string digest{};         // of its files: under the same name it may be another one
  std::string details{};        // a JSON object: its format, its family, how large it is
  std::string modified_at{};    // in words
  std::uint64_t size = 0;       // of its files, in bytes
  std::uint64_t in_memory = 0;  // while it is loaded
  std::uint64_t in_vram = 0;    // of that

  [[nodiscard]] bool operator==(const ModelCard&) const = default;
};

}  // namespace rocket
