#include "batch/page_query.h"

#include <charconv>

#include "wire/target.h"

namespace rocket {

Result<Store::Page> read_page_query(const std::string& query, std::uint32_t usual_limit,
                                    std::uint32_t limit_max) {
  Store::Page page;
  page.limit = usual_limit;
  if (const auto limit = query_value(query, "limit")) {
    const char* const end = limit->data() + limit->size();
    const auto read = std::from_chars(limit->data(), end, page.limit);
    const bool whole = read.ec == std::errc() && read.ptr == end;
    if (!whole || page.limit < 1 || page.limit > limit_max) {
      return fail(ErrorCode::invalid_field,
                  "`limit` must be a number from 1 to " + std::to_string(limit_max));
    }
  }
  const std::string order = query_value(query, "order").value_or("desc");
  if (order != "asc" && order != "desc") {
    return fail(ErrorCode::invalid_field, "`order` must be asc or desc");
  }
  page.oldest_first = order == "asc";
  page.after = query_value(query, "after").value_or("");
  page.purpose = query_value(query, "purpose").value_or("");
  return page;
}

}  // namespace rocket
