#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/sql_connection.h"
#include "store/store.h"

// Pages of a table whose rows have seq, id and owner, in the order of seq.
namespace rocket {

// Where a page begins: the seq of `after`, which has to be the owner's; what lies before all rows
// if it is empty. Else invalid_field.
[[nodiscard]] Result<std::int64_t> page_begin(SqlConnection& connection, const std::string& table,
                                              std::string_view owner, const Store::Page& page);

// "... AND seq > $N ORDER BY seq LIMIT $M" in the page's order, with numbers N and N + 1 for what
// page_begin() says and for page_limit().
[[nodiscard]] std::string page_condition(const Store::Page& page, int first_value);

// One row more than the page has, to see whether there are more.
[[nodiscard]] inline std::int64_t page_limit(const Store::Page& page) {
  return std::int64_t{page.limit} + 1;
}

template <class T>
[[nodiscard]] Store::Listed<T> cut_to_page(std::vector<T> items, const Store::Page& page) {
  const bool more = items.size() > page.limit;
  if (more) items.resize(page.limit);
  return {std::move(items), more};
}

}  // namespace rocket
