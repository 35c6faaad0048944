#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "store/store.h"

namespace rocket {

// What a list's query asks for: `after`, `limit`, `order`, `purpose`. Errors: invalid_field.
[[nodiscard]] Result<Store::Page> read_page_query(const std::string& query,
                                                  std::uint32_t usual_limit,
                                                  std::uint32_t limit_max);

}  // namespace rocket
