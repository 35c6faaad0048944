#pragma once

#include <cstdint>
#include <string>

#include "schema/dialect.h"
#include "wire/json.h"

namespace rocket {

// What an answer cost, counted one way: all that went in, all that came out. Each dialect adds
// and leaves out differently; docs/translation.md has the table.
struct TokenUsage {
  std::int64_t input = 0;        // cached and newly cached tokens among them
  std::int64_t cache_read = 0;   // of `input`
  std::int64_t cache_write = 0;  // of `input`
  std::int64_t output = 0;       // thinking among them
  std::int64_t thinking = 0;     // of `output`

  [[nodiscard]] bool operator==(const TokenUsage&) const = default;
};

// Of the dialect's `usage` object, or of Ollama's whole answer, which has its counts between its
// other members. What is not there, or is no count, leaves `usage` as it is: a stream says some
// of it early and some late. Whether anything was there.
bool read_usage(Dialect dialect, std::string_view object, TokenUsage& usage);

// Appends the dialect's usage object; of Ollama the members, without braces.
void write_usage(Dialect dialect, const TokenUsage& usage, std::string& out);

}  // namespace rocket
