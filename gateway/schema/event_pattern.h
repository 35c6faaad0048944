#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rocket {

// What makes most events of a stream cheap: a token's event is the one before it again, but for
// the inside of one string. Once an event has been read in full and remembered here, another that
// matches needs nothing read but that string, byte by byte as strictly as wire/json would: what
// was true of the first (valid JSON, valid UTF-8, which members it has and what they say) is true
// of the second. What does not match is no worse for it; it is read in full.
class EventPattern {
 public:
  // `text` is the inside of a string value in `data`: views into one valid JSON text. A long
  // event is not remembered: one such is held per stream.
  void remember(std::string_view data, std::string_view text);

  // Whether `data` is the remembered event with another text, valid and not empty, in its place.
  [[nodiscard]] bool matches(std::string_view data) const { return text_of(data).has_value(); }
  // What stands in its place, if so.
  [[nodiscard]] std::optional<std::string_view> text_of(std::string_view data) const;

  void forget() { around_.clear(); }

 private:
  static constexpr size_t bytes_max = 1024;

  std::string around_;  // the event without the text
  size_t before_ = 0;   // of it stand in front of the text
};

}  // namespace rocket
