#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/conversation.h"

namespace rocket {

// What a translation could not carry, and what it said in another way: announced in
// x-rocket-translation, refused under x-rocket-strict.
class TranslationLoss {
 public:
  // `what` is a field as the client wrote it, or a name of ours such as "tool_result.image".
  void drop(std::string_view what) { note(How::dropped, what); }
  void emulate(std::string_view what) { note(How::emulated, what); }
  // All of the other.
  void add(const TranslationLoss& other);
  // Those that say something.
  void drop(const std::vector<Field>& extra);

  [[nodiscard]] bool empty() const { return notes_.empty(); }
  [[nodiscard]] bool names(std::string_view what) const;
  // "dropped=logit_bias,emulated=n": each once, as they came. Safe in a header's line; a client
  // with very many fields gets the first of them.
  [[nodiscard]] std::string to_string() const;

 private:
  enum class How : unsigned char { dropped, emulated };
  struct Note {
    How how;
    std::string what;
    [[nodiscard]] bool operator==(const Note&) const = default;
  };
  static constexpr size_t notes_max = 32;

  void note(How how, std::string_view what);

  std::vector<Note> notes_;
  bool more_ = false;
};

}  // namespace rocket
