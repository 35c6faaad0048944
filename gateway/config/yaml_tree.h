#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"

namespace rocket {

// A YAML (or JSON) document, as written: every scalar is text. Only what a configuration needs:
// no aliases, tags or second document, and keys are text. Duplicate keys are kept, for the reader
// to complain of with their path.
struct YamlNode {
  enum class Kind : unsigned char { null, scalar, list, map };

  Kind kind = Kind::null;
  bool quoted = false;            // of a scalar: "8000" is text, 8000 may be a number
  std::string text;               // of a scalar
  std::vector<std::string> keys;  // of a map: keys[i] is the key of items[i]
  std::vector<YamlNode> items;    // of a list or map

  // The first value under `key`, or null.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
};

// UTF-8, at most so many bytes. Text without a document gives a null node. The problems have a
// line and a column in their message and never quote the text.
[[nodiscard]] std::expected<YamlNode, std::vector<Problem>> parse_yaml(
    std::string_view text, size_t bytes_max = size_t{1024} * 1024);

}  // namespace rocket
