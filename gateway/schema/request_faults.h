#pragma once

#include <string>

#include "schema/conversation.h"
#include "schema/translation_loss.h"

namespace rocket {

// What is wrong with a request; the first fault is told. Readers go on after it, so that they
// need no way out of their depths.
class RequestFaults {
 public:
  void note(std::string what) {
    if (first_.empty()) first_ = std::move(what);
  }
  [[nodiscard]] bool none() const { return first_.empty(); }
  [[nodiscard]] Result<void> result() const {
    if (first_.empty()) return {};
    return fail(ErrorCode::invalid_field, first_);
  }

  // The value, if it is of the kind; null counts as not there. `name` is for the message.
  [[nodiscard]] RawText text(const JsonValue& value, std::string_view name) {
    if (value.kind != JsonKind::string && !value.is_null()) {
      note("`" + std::string(name) + "` must be a string");
    }
    return raw_text(value);
  }
  [[nodiscard]] std::optional<bool> flag(const JsonValue& value, std::string_view name) {
    if (value.kind != JsonKind::boolean && !value.is_null()) {
      note("`" + std::string(name) + "` must be true or false");
    }
    return value.as_bool();
  }
  [[nodiscard]] std::string_view list(const JsonValue& value, std::string_view name) {
    return of_kind(value, JsonKind::array, name, "` must be a list");
  }
  [[nodiscard]] std::string_view object(const JsonValue& value, std::string_view name) {
    return of_kind(value, JsonKind::object, name, "` must be an object");
  }

 private:
  // Of null an empty text, which has no members and no elements.
  std::string_view of_kind(const JsonValue& value, JsonKind kind, std::string_view name,
                           std::string_view complaint) {
    if (value.kind == kind) return value.text;
    if (!value.is_null()) note("`" + std::string(name) + std::string(complaint));
    return {};
  }

  std::string first_;
};

// What a reader carries through a request or an answer.
struct Reading {
  KeptTexts& kept;
  RequestFaults& faults;
  TranslationLoss& loss;
};

}  // namespace rocket
