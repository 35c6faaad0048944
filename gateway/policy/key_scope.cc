#include "policy/key_scope.h"

#include <algorithm>

namespace rocket {

bool KeyScope::allows_model(std::string_view name) const {
  return models.empty() || std::ranges::any_of(models, [&](std::string_view glob) {
           return matches_glob(glob, name);
         });
}

bool KeyScope::allows_backend(std::string_view name) const {
  return backends.empty() || std::ranges::find(backends, name) != backends.end();
}

// Where a later '*' matches, an earlier one never has to take more: it is enough to come back to
// the last, so that no glob costs more than its length times the text's.
bool matches_glob(std::string_view glob, std::string_view text) {
  size_t at = 0;
  size_t star = std::string_view::npos;
  size_t star_took_to = 0;
  for (size_t i = 0; i < text.size();) {
    if (at < glob.size() && glob[at] == '*') {
      star = at++;
      star_took_to = i;
    } else if (at < glob.size() && glob[at] == text[i]) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++star_took_to;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', at) == std::string_view::npos;
}

}  // namespace rocket
