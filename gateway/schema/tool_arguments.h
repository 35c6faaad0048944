#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rocket {

// Makes one JSON object of what a model gives as a tool's arguments, piece by piece: clients
// parse them as such and fail if they are not. Small models end in the middle of them (at
// max_tokens), break lines inside of strings, or say a bare string or nothing at all; that is
// mended. An object that turns out not to be JSON once part of it has been passed on can not be.
class ToolArguments {
 public:
  // Appends what of `piece` may be passed on now, without the space between tokens. Errors:
  // upstream_garbage; upstream_too_large for a text that is held because it is no object.
  [[nodiscard]] Result<void> feed(std::string_view piece, std::string& out);
  // No more will come: appends what is missing. Good for one more object afterwards.
  void finish(std::string& out);

  // An object, and it is whole.
  [[nodiscard]] bool whole() const { return state_ == State::done; }
  // What was passed on is not what was said.
  [[nodiscard]] bool mended() const { return mended_; }

 private:
  enum class State : unsigned char {
    before,     // nothing but space so far
    held,       // no object
    first_key,  // or the end of the object
    next_key,
    colon,
    value,
    first_value,  // or the end of the array
    after_value,
    string,
    number,
    literal,
    done,
  };
  enum class Number : unsigned char { minus, zero, digits, dot, fraction, e, sign, exponent };

  [[nodiscard]] bool step(char c, std::string& out);
  [[nodiscard]] bool step_token(char c, std::string& out);
  [[nodiscard]] bool begin_value(char c, std::string& out);
  [[nodiscard]] bool step_string(char c, std::string& out);
  [[nodiscard]] bool step_escape(char c, std::string& out);
  [[nodiscard]] bool step_number(char c);
  [[nodiscard]] bool close(char bracket, std::string& out);
  void begin_string(bool key, std::string& out);
  void finish_token(std::string& out);
  void finish_held(std::string& out);
  [[nodiscard]] bool number_may_end() const {
    return number_ == Number::zero || number_ == Number::digits || number_ == Number::fraction ||
           number_ == Number::exponent;
  }
  [[nodiscard]] bool in_object() const { return depth_ != 0 && objects_[depth_ - 1]; }

  static constexpr size_t depth_max = 120;
  static constexpr size_t held_max = size_t{1} << 20U;

  State state_ = State::before;
  bool mended_ = false;
  bool key_ = false;          // the string is one
  bool comma_ = false;        // passed on once something follows it
  unsigned char escape_ = 0;  // in a string: 0 outside, 1 behind the backslash, 2 to 5 at a digit
  unsigned unit_ = 0;         // what the digits say so far
  bool high_ = false;         // half of a pair has come: the other has to be next
  std::string escaped_;       // an escape, or a pair of them, that is not whole
  Number number_ = Number::minus;
  std::string_view literal_;  // what of it is still to come
  size_t depth_ = 0;
  std::bitset<depth_max> objects_;
  std::string held_;
};

// The same for arguments that are all there: an object, mended if it has to be.
struct MendedArguments {
  std::string object;
  bool mended = false;
};
[[nodiscard]] MendedArguments mend_arguments(std::string_view text);

}  // namespace rocket
