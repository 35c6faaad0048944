#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rocket {

// What a key may ask for.
//
// `models` are globs on the names that clients use: a key that may use a route may use whatever
// stands behind it, and none that may not name a model reaches it as a default or a substitute.
struct KeyScope {
  std::vector<std::string> models;    // empty: any
  std::vector<std::string> backends;  // empty: any

  [[nodiscard]] bool allows_model(std::string_view name) const;
  [[nodiscard]] bool allows_backend(std::string_view name) const;
};

// Whether `text` is what `glob` describes: '*' stands for any run of characters, also for none;
// everything else for itself.
[[nodiscard]] bool matches_glob(std::string_view glob, std::string_view text);

}  // namespace rocket
