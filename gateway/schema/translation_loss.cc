#include "schema/translation_loss.h"

#include <algorithm>

namespace rocket {
namespace {

constexpr size_t name_bytes_max = 64;

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

// What a client calls its fields must not break the header that tells of them.
std::string safe_name(std::string_view what) {
  std::string name(what.substr(0, name_bytes_max));
  std::ranges::replace_if(name, [](char c) { return !is_name(c); }, '_');
  return name;
}

}  // namespace

void TranslationLoss::add(const TranslationLoss& other) {
  for (const Note& one : other.notes_)
    note(one.how, one.what);
  more_ |= other.more_;
}

void TranslationLoss::drop(const std::vector<Field>& extra) {
  for (const Field& field : extra) {
    if (!field.says_nothing()) drop(field.key);
  }
}

bool TranslationLoss::names(std::string_view what) const {
  return std::ranges::find(notes_, safe_name(what), &Note::what) != notes_.end();
}

void TranslationLoss::note(How how, std::string_view what) {
  Note note{how, safe_name(what)};
  if (std::ranges::find(notes_, note) != notes_.end()) return;
  if (notes_.size() == notes_max) {
    more_ = true;
    return;
  }
  notes_.push_back(std::move(note));
}

std::string TranslationLoss::to_string() const {
  std::string text;
  for (const Note& note : notes_) {
    if (!text.empty()) text += ',';
    text += note.how == How::dropped ? "dropped=" : "emulated=";
    text += note.what;
  }
  if (more_) text += ",more";
  return text;
}

}  // namespace rocket
