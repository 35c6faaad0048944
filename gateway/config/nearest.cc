#include "config/nearest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "config/problem.h"

namespace rocket {

namespace {

constexpr size_t slips_max = 2;
constexpr size_t prefix_bytes_min = 3;
constexpr size_t names_listed_max = 24;
// Beyond these nobody mistypes, and a hostile file would keep us busy.
constexpr size_t word_bytes_max = 64;
constexpr size_t names_compared_max = 100;

std::string folded(std::string_view word) {
  std::string result(word);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  return result;
}

// Damerau and Levenshtein's distance in its restricted form: no letter takes part in two slips.
// Neither word is longer than word_bytes_max.
size_t slips_between(std::string_view left, std::string_view right) {
  using Row = std::array<size_t, word_bytes_max + 1>;
  std::array<Row, 3> rows;  // of the last two letters of `left`, and of this one
  for (size_t j = 0; j <= right.size(); ++j)
    rows[0][j] = j;
  for (size_t i = 1; i <= left.size(); ++i) {
    const Row& before = rows[(i + 1) % 3];
    const Row& above = rows[(i + 2) % 3];
    Row& row = rows[i % 3];
    row[0] = i;
    for (size_t j = 1; j <= right.size(); ++j) {
      const size_t wrong = left[i - 1] == right[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + wrong});
      const bool swapped =
          i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return rows[left.size() % 3][right.size()];
}

bool begins_alike(std::string_view left, std::string_view right) {
  return std::min(left.size(), right.size()) >= prefix_bytes_min &&
         (left.starts_with(right) || right.starts_with(left));
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> known) {
  if (word.size() > word_bytes_max) return std::nullopt;
  const std::string meant = folded(word);
  std::optional<std::string_view> best;
  // A word that only begins alike comes after every one that is a slip away.
  size_t best_slips = slips_max + 2;
  for (const std::string_view candidate : known.first(std::min(known.size(), names_compared_max))) {
    if (candidate.size() > word_bytes_max) continue;
    const std::string name = folded(candidate);
    const size_t shorter = std::min(meant.size(), name.size());
    size_t slips = slips_max + 2;
    if (std::max(meant.size(), name.size()) - shorter <= slips_max) {
      slips = slips_between(meant, name);
    }
    // Two slips in a word of two letters leave nothing of it.
    if (slips > slips_max || slips >= shorter) {
      slips = begins_alike(meant, name) ? slips_max + 1 : slips_max + 2;
    }
    if (slips < best_slips) {
      best = candidate;
      best_slips = slips;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> known) {
  if (const std::optional<std::string_view> meant = nearest(word, known)) {
    return fmt::format("did you mean {}?", in_quotes(*meant));
  }
  if (known.empty()) return "remove it";
  const auto listed = known.first(std::min(known.size(), names_listed_max));
  return fmt::format("known here: {}{}", fmt::join(listed, ", "),
                     listed.size() < known.size() ? ", ..." : "");
}

}  // namespace rocket
