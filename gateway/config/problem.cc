#include "config/problem.h"

#include <algorithm>

#include "config/key_config.h"

namespace rocket {

namespace {

constexpr size_t quoted_bytes_max = 64;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
}

// The beginning of `text`, not longer than `bytes`, without half a UTF-8 character at its end.
std::string_view beginning(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80)
    --bytes;
  return text.substr(0, bytes);
}

bool is_key_letter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_';
}

// What begins as our keys do and goes on for long enough to be one.
std::string without_keys(std::string_view text) {
  constexpr size_t letters_min = 16;
  std::string shown;
  while (!text.empty()) {
    const size_t at = std::min(text.find(key_prefix), text.size());
    shown += text.substr(0, at);
    text.remove_prefix(at);
    const size_t size =
        static_cast<size_t>(std::ranges::find_if_not(text, is_key_letter) - text.begin());
    shown += size >= key_prefix.size() + letters_min ? "[key]" : text.substr(0, size);
    text.remove_prefix(size);
  }
  return shown;
}

bool stands_bare(std::string_view key) {
  return !key.empty() && key.size() <= quoted_bytes_max && std::ranges::all_of(key, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_-/:@+").contains(c);
  });
}

}  // namespace

std::string format_problem(const Problem& problem) {
  const std::string place = problem.path.empty() ? "" : problem.path + ": ";
  return place + problem.message + "; " + problem.remedy;
}

std::string in_quotes(std::string_view given) {
  const std::string text = without_keys(given);
  const std::string_view shown = beginning(text, quoted_bytes_max);
  std::string result = "\"";
  for (const char c : shown)
    result += is_control(c) ? '?' : c;
  if (shown.size() < text.size()) result += "...";
  return result + '"';
}

std::string member_path(const std::string& path, std::string_view key) {
  if (!stands_bare(key) || without_keys(key) != key) return path + '[' + in_quotes(key) + ']';
  return path.empty() ? std::string(key) : path + '.' + std::string(key);
}

std::string element_path(const std::string& path, size_t index) {
  return path + '[' + std::to_string(index) + ']';
}

void Problems::add(std::string path, std::string message, std::string remedy) {
  problems_.push_back({std::move(path), std::move(message), std::move(remedy)});
}

void Problems::add_unread(const std::string& path, std::string message, std::string remedy) {
  unread_.insert(path);
  add(path, std::move(message), std::move(remedy));
}

bool Problems::unread(std::string_view path) const {
  for (;;) {
    if (unread_.contains(path)) return true;
    if (path.empty()) return false;
    const size_t around = path.find_last_of(".[");
    path = path.substr(0, around == std::string_view::npos ? 0 : around);
  }
}

}  // namespace rocket
