#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rocket {

// What is wrong with a configuration: where, what, and what to do about it.
struct Problem {
  std::string path;  // "backends[0].urls[1]"; empty: the file as a whole
  std::string message;
  std::string remedy;

  [[nodiscard]] bool operator==(const Problem&) const = default;
};

// One line: "backends[0].urls[1]: MESSAGE; REMEDY".
[[nodiscard]] std::string format_problem(const Problem& problem);

// A piece of the file, fit to stand in a message: in quotes, printable, not long, and with none of
// our keys in it, wherever someone has put one.
[[nodiscard]] std::string in_quotes(std::string_view text);

// "limits" and "headers" give "limits.headers"; a key that could be misread gives
// models["qwen2.5"].
[[nodiscard]] std::string member_path(const std::string& path, std::string_view key);
[[nodiscard]] std::string element_path(const std::string& path, size_t index);

// Problems in the order in which they are found.
class Problems {
 public:
  void add(std::string path, std::string message, std::string remedy);

  // The same, for a value that could not be read at all.
  void add_unread(const std::string& path, std::string message, std::string remedy);

  // Whether the value at `path`, or one around it, could not be read: it is not also missing.
  [[nodiscard]] bool unread(std::string_view path) const;

  [[nodiscard]] std::vector<Problem> take() { return std::move(problems_); }

 private:
  std::vector<Problem> problems_;
  std::set<std::string, std::less<>> unread_;
};

}  // namespace rocket
