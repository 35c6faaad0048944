#include "store/sql_page.h"

#include <limits>
#include <optional>

namespace rocket {

Result<std::int64_t> page_begin(SqlConnection& connection, const std::string& table,
                                std::string_view owner, const Store::Page& page) {
  if (page.after.empty()) return page.oldest_first ? 0 : std::numeric_limits<std::int64_t>::max();
  std::optional<std::int64_t> seq;
  const auto found =
      connection.run("SELECT seq FROM " + table + " WHERE owner = $1 AND id = $2",
                     {owner, page.after}, [&](const SqlRow& row) { seq = row.number(0); });
  if (!found) return std::unexpected(found.error());
  if (seq) return *seq;
  constexpr size_t shown_max = 128;
  return fail(ErrorCode::invalid_field,
              "`after` names \"" + page.after.substr(0, shown_max) +
                  "\", which is not there; give the id of the last one that was listed");
}

std::string page_condition(const Store::Page& page, int first_value) {
  const std::string begin = std::to_string(first_value);
  const std::string limit = std::to_string(first_value + 1);
  return page.oldest_first ? " AND seq > $" + begin + " ORDER BY seq LIMIT $" + limit
                           : " AND seq < $" + begin + " ORDER BY seq DESC LIMIT $" + limit;
}

}  // namespace rocket
