#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/conversation.h"

namespace rocket {

// Writes a JSON text for one gathering write: what is long is pointed to where it is, what is
// short is copied once. Commas come by themselves.
class JsonPieces {
 public:
  JsonPieces& open(char bracket) {
    comma();
    text_ += bracket;
    comma_ = false;
    return *this;
  }
  JsonPieces& close(char bracket) {
    text_ += bracket;
    comma_ = true;
    return *this;
  }
  // `name` needs no escapes.
  JsonPieces& key(std::string_view name) {
    comma();
    text_ += '"';
    text_ += name;
    text_ += "\":";
    comma_ = false;
    return *this;
  }
  // A whole value. It must outlive this.
  JsonPieces& json(std::string_view value) {
    comma();
    add(value);
    comma_ = true;
    return *this;
  }
  JsonPieces& text(RawText text) { return text_between("", text.inside); }
  // A string that is `prefix`, which needs no escapes, and then `raw`.
  JsonPieces& text_between(std::string_view prefix, std::string_view raw) {
    comma();
    text_ += '"';
    text_ += prefix;
    add(raw);
    text_ += '"';
    comma_ = true;
    return *this;
  }
  JsonPieces& quoted(std::string_view plain) {
    comma();
    json_append_quoted(text_, plain);
    comma_ = true;
    return *this;
  }
  // A member as it was read.
  JsonPieces& field(const Field& field) {
    comma();
    text_ += '"';
    add(field.key);
    text_ += "\":";
    comma_ = false;
    return json(field.json);
  }
  // Raw pieces of a string that stays open: begin_text(), add_text()..., end_text().
  void begin_text() {
    comma();
    text_ += '"';
  }
  void add_text(std::string_view raw) { add(raw); }
  void end_text() {
    text_ += '"';
    comma_ = true;
  }

  // Valid as long as this and what was pointed to.
  [[nodiscard]] std::vector<std::string_view> pieces() const;
  [[nodiscard]] std::string joined() const;
  // How many bytes it takes besides what it points to.
  [[nodiscard]] size_t memory() const { return text_.capacity() + long_.capacity() * sizeof(Long); }

 private:
  static constexpr size_t copied_max = 4096;

  // Stands behind the first `at` bytes of text_.
  struct Long {
    size_t at;
    std::string_view bytes;
  };

  void comma() {
    if (comma_) text_ += ',';
  }
  void add(std::string_view bytes) {
    if (bytes.size() <= copied_max) {
      text_ += bytes;
    } else {
      long_.push_back({text_.size(), bytes});
    }
  }

  std::string text_;
  std::vector<Long> long_;
  bool comma_ = false;
};

}  // namespace rocket
