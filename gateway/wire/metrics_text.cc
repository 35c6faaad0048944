#include "wire/metrics_text.h"

#include <charconv>

namespace rocket {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  return text;
}

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

// Where the closing brace of labels stands that begin at the text's front; npos: nowhere. One
// inside of quotes closes nothing.
size_t labels_end(std::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[i] == '}') {
      return i;
    }
  }
  return std::string_view::npos;
}

std::optional<double> read_value(std::string_view word) {
  if (word.starts_with('+')) word.remove_prefix(1);
  double value = 0;
  const char* const end = word.data() + word.size();
  const auto [stopped, error] = std::from_chars(word.data(), end, value);
  if (word.empty() || stopped != end) return std::nullopt;
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<MetricSample> read_metric_line(std::string_view line) {
  line = without_blanks(line);
  size_t name_bytes = 0;
  while (name_bytes < line.size() && is_name_char(line[name_bytes]))
    ++name_bytes;
  if (name_bytes == 0) return std::nullopt;
  MetricSample sample;
  sample.name = line.substr(0, name_bytes);
  const std::string_view behind_name = line.substr(name_bytes);
  std::string_view rest = without_blanks(behind_name);
  if (rest.starts_with('{')) {
    rest.remove_prefix(1);
    const size_t end = labels_end(rest);
    if (end == std::string_view::npos) return std::nullopt;
    sample.labels = rest.substr(0, end);
    rest = without_blanks(rest.substr(end + 1));
  } else if (rest.size() == behind_name.size()) {
    return std::nullopt;
  }
  size_t value_bytes = 0;
  while (value_bytes < rest.size() && !is_blank(rest[value_bytes]))
    ++value_bytes;
  const auto value = read_value(rest.substr(0, value_bytes));
  if (!value) return std::nullopt;
  sample.value = *value;
  return sample;
}

}  // namespace rocket
