#include "schema/tool_arguments.h"

#include <fmt/format.h>

#include "wire/json.h"

namespace rocket {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Nothing for what is no hexadecimal digit.
std::optional<unsigned> hex_digit(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

bool is_high(unsigned unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_low(unsigned unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

}  // namespace

Result<void> ToolArguments::feed(std::string_view piece, std::string& out) {
  for (const char c : piece) {
    if (state_ == State::held) {
      if (held_.size() == held_max) {
        return fail(ErrorCode::upstream_too_large, "the arguments of a tool's call are too long");
      }
      held_ += c;
    } else if (state_ == State::done) {
      // Some parsers of models' output leave a bracket over.
      mended_ |= !is_space(c);
    } else if (!step(c, out)) {
      return fail(ErrorCode::upstream_garbage, "the arguments of a tool's call are not JSON");
    }
  }
  return {};
}

bool ToolArguments::step(char c, std::string& out) {
  switch (state_) {
    case State::before:
      if (is_space(c)) return true;
      if (c == '{') return begin_value(c, out);
      state_ = State::held;
      held_ += c;
      return true;
    case State::string: return step_string(c, out);
    case State::literal:
      if (c != literal_.front()) return false;
      literal_.remove_prefix(1);
      if (literal_.empty()) state_ = State::after_value;
      out += c;
      return true;
    case State::number:
      if (step_number(c)) {
        out += c;
        return true;
      }
      if (!number_may_end()) return false;
      state_ = State::after_value;
      return is_space(c) || step_token(c, out);
    default: return is_space(c) || step_token(c, out);
  }
}

// A character that is no space, between tokens.
bool ToolArguments::step_token(char c, std::string& out) {
  switch (state_) {
    case State::first_key:
    case State::next_key:
      if (c == '}' && state_ == State::first_key) return close(c, out);
      if (c != '"') return false;
      begin_string(true, out);
      return true;
    case State::colon:
      if (c != ':') return false;
      out += c;
      state_ = State::value;
      return true;
    case State::first_value:
      if (c == ']') return close(c, out);
      return begin_value(c, out);
    case State::value: return begin_value(c, out);
    case State::after_value:
      if (c == ',') {
        comma_ = true;
        state_ = in_object() ? State::next_key : State::value;
        return true;
      }
      return c == (in_object() ? '}' : ']') && close(c, out);
    default: return false;
  }
}

bool ToolArguments::begin_value(char c, std::string& out) {
  if (c == '"') {
    begin_string(false, out);
    return true;
  }
  if (comma_) out += ',';
  comma_ = false;
  out += c;
  if (c == '{' || c == '[') {
    if (depth_ == depth_max) return false;
    objects_[depth_++] = c == '{';
    state_ = c == '{' ? State::first_key : State::first_value;
    return true;
  }
  if (c == '-' || is_digit(c)) {
    number_ = c == '-' ? Number::minus : c == '0' ? Number::zero : Number::digits;
    state_ = State::number;
    return true;
  }
  for (const std::string_view literal : {"true", "false", "null"}) {
    if (c != literal.front()) continue;
    literal_ = literal.substr(1);
    state_ = State::literal;
    return true;
  }
  return false;
}

void ToolArguments::begin_string(bool key, std::string& out) {
  if (comma_) out += ',';
  comma_ = false;
  out += '"';
  key_ = key;
  state_ = State::string;
}

bool ToolArguments::step_string(char c, std::string& out) {
  if (escape_ != 0) return step_escape(c, out);
  if (high_ && c != '\\') return false;
  if (c == '"') {
    state_ = key_ ? State::colon : State::after_value;
  } else if (c == '\\') {
    escape_ = 1;
    escaped_ += c;
    return true;
  } else if (static_cast<unsigned char>(c) < 0x20) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    mended_ = true;
    return true;
  }
  out += c;
  return true;
}

bool ToolArguments::step_escape(char c, std::string& out) {
  escaped_ += c;
  if (escape_ == 1) {
    if (c == 'u') {
      escape_ = 2;
      unit_ = 0;
      return true;
    }
    if (high_ || !std::string_view("\"\\/bfnrt").contains(c)) return false;
  } else {
    const auto digit = hex_digit(c);
    if (!digit) return false;
    unit_ = unit_ * 16 + *digit;
    if (++escape_ != 6) return true;
    if (is_low(unit_) != high_) return false;
    high_ = is_high(unit_);
  }
  escape_ = 0;
  if (high_) return true;
  out += escaped_;
  escaped_.clear();
  return true;
}

// False for what does not belong to the number.
bool ToolArguments::step_number(char c) {
  const bool digit = is_digit(c);
  switch (number_) {
    case Number::minus:
      if (digit) number_ = c == '0' ? Number::zero : Number::digits;
      return digit;
    case Number::zero:
    case Number::digits:
      if (digit) return number_ == Number::digits;
      if (c == '.') number_ = Number::dot;
      if (c == 'e' || c == 'E') number_ = Number::e;
      return number_ == Number::dot || number_ == Number::e;
    case Number::dot:
      if (digit) number_ = Number::fraction;
      return digit;
    case Number::fraction:
      if (c == 'e' || c == 'E') number_ = Number::e;
      return digit || number_ == Number::e;
    case Number::e:
      if (digit) number_ = Number::exponent;
      if (c == '+' || c == '-') number_ = Number::sign;
      return number_ != Number::e;
    case Number::sign:
      if (digit) number_ = Number::exponent;
      return digit;
    case Number::exponent: return digit;
  }
  return false;
}

bool ToolArguments::close(char bracket, std::string& out) {
  out += bracket;
  --depth_;
  state_ = depth_ == 0 ? State::done : State::after_value;
  return true;
}

void ToolArguments::finish(std::string& out) {
  if (state_ == State::before || state_ == State::held) {
    finish_held(out);
  } else if (state_ != State::done) {
    mended_ = true;
    finish_token(out);
    // A comma that nothing follows is never passed on.
    while (depth_ != 0)
      out += objects_[--depth_] ? '}' : ']';
  }
  const bool mended = mended_;
  *this = ToolArguments();
  mended_ = mended;
}

void ToolArguments::finish_token(std::string& out) {
  switch (state_) {
    // Half an escape, or half of a pair, was never passed on.
    case State::string: out += key_ ? "\":null" : "\""; return;
    case State::colon: out += ":null"; return;
    case State::value:
      if (!comma_) out += "null";
      return;
    case State::number:
      if (!number_may_end()) out += '0';
      return;
    case State::literal: out += literal_; return;
    default: return;
  }
}

void ToolArguments::finish_held(std::string& out) {
  const std::string_view text = held_;
  if (text.empty()) {
    out += "{}";  // a function without parameters
    return;
  }
  mended_ = true;
  const auto value = parse_json(text);
  if (!value) {
    out += R"({"value":)";
    json_append_quoted(out, text);
    out += '}';
  } else if (value->is_null()) {
    out += "{}";
  } else {
    // An object in quotes, as some models give it.
    const std::string inner = value->as_string().value_or("");
    const auto object = parse_json(inner);
    if (object && object->kind == JsonKind::object) {
      out += object->text;
    } else {
      out += R"({"value":)";
      out += value->text;
      out += '}';
    }
  }
}

MendedArguments mend_arguments(std::string_view text) {
  if (const auto value = parse_json(text); value && value->kind == JsonKind::object) {
    return {std::string(value->text), false};
  }
  ToolArguments arguments;
  MendedArguments result;
  if (arguments.feed(text, result.object)) {
    arguments.finish(result.object);
    result.mended = arguments.mended();
    return result;
  }
  result.object = R"({"value":)";
  json_append_quoted(result.object, text);
  result.object += '}';
  result.mended = true;
  return result;
}

}  // namespace rocket
