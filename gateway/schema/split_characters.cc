#include "schema/split_characters.h"

#include <optional>
#include <utility>

#include "wire/json_halves.h"

namespace rocket {
namespace {

// The key of the member whose value is the string that opens there; empty: it is no member's.
std::string_view key_of(std::string_view json, size_t open) {
  constexpr std::string_view space = " \t\r\n";
  std::string_view before = json.substr(0, open);
  const auto trim = [&] { before = before.substr(0, before.find_last_not_of(space) + 1); };
  trim();
  if (!before.ends_with(':')) return {};
  before.remove_suffix(1);
  trim();
  if (!before.ends_with('"')) return {};
  before.remove_suffix(1);
  const size_t quote = before.rfind('"');
  return quote == before.npos ? std::string_view() : before.substr(quote + 1);
}

// The piece of a text that goes on in the next event, if any does: not what says all of it again,
// nor a line that may be the last.
bool may_go_on(Dialect from, std::string_view key) {
  if (is_ollama(from)) return false;
  return from != Dialect::responses || key == "delta";
}

void replace(std::string& json, const LoneHalf& half) {
  json.replace(half.at, lone_half_bytes, "\\ufffd");
}

}  // namespace

std::vector<std::string> SplitCharacters::mend(std::string_view data) {
  std::vector<std::string> ready;
  std::string text(data);
  if (waiting()) {
    if (data.empty()) return ready;
    join(text);
    ready.push_back(std::exchange(waiting_, {}));
  }
  if (has_to_wait(text)) {
    waiting_ = std::move(text);
  } else {
    ready.push_back(std::move(text));
  }
  return ready;
}

// Takes from the event that follows what completes the one that waits.
void SplitCharacters::join(std::string& next) {
  const std::vector<LoneHalf> firsts = lone_halves(waiting_);
  std::vector<LoneHalf> seconds;
  for (const LoneHalf& half : lone_halves(next)) {
    if (!half.first && half.begins_text()) seconds.push_back(half);
  }
  std::vector<std::optional<size_t>> partners;
  std::vector<bool> taken(seconds.size());
  for (const LoneHalf& first : firsts) {
    partners.emplace_back();
    const std::string_view key = key_of(waiting_, first.open);
    for (size_t i = 0; i < seconds.size() && !partners.back(); ++i) {
      if (taken[i] || key_of(next, seconds[i].open) != key) continue;
      taken[i] = true;
      partners.back() = i;
    }
  }
  // From behind, so that what is in front stays where it is.
  for (size_t i = firsts.size(); i-- > 0;) {
    if (!partners[i]) {
      replace(waiting_, firsts[i]);
    } else {
      waiting_.insert(firsts[i].at + lone_half_bytes, next, seconds[*partners[i]].at,
                      lone_half_bytes);
    }
  }
  for (size_t i = seconds.size(); i-- > 0;) {
    if (taken[i]) next.erase(seconds[i].at, lone_half_bytes);
  }
}

// Leaves it only the halves that wait.
bool SplitCharacters::has_to_wait(std::string& text) const {
  bool waits = false;
  for (const LoneHalf& half : lone_halves(text)) {
    const size_t end = half.at + lone_half_bytes;
    const bool ends_text = end < text.size() && text[end] == '"';
    if (half.first && ends_text && may_go_on(from_, key_of(text, half.open))) {
      waits = true;
    } else {
      replace(text, half);
    }
  }
  return waits;
}

}  // namespace rocket
