#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "store/sql_connection.h"
#include "store/store.h"

// The journal of batches' lines in SQL, each call within the transaction of its caller. A batch
// that is not there is batch_not_found.
namespace rocket {

[[nodiscard]] Result<void> begin_lines(SqlConnection& connection, std::string_view id,
                                       std::span<const std::uint32_t> lines,
                                       std::string_view holder);
[[nodiscard]] Result<void> unbegin_lines(SqlConnection& connection, std::string_view id,
                                         std::span<const std::uint32_t> lines);
[[nodiscard]] Result<std::uint32_t> finish_lines(SqlConnection& connection, std::string_view id,
                                                 std::span<const LineResult> results);
[[nodiscard]] Result<std::uint32_t> offer_lines(SqlConnection& connection, std::string_view id,
                                                std::span<const LineResult> results);
[[nodiscard]] Result<std::vector<bool>> finished_lines(SqlConnection& connection,
                                                       std::string_view id);
[[nodiscard]] Result<std::vector<BegunLine>> begun_lines(SqlConnection& connection,
                                                         std::string_view id);
[[nodiscard]] Result<std::vector<LineResult>> line_results(SqlConnection& connection,
                                                           std::string_view id, bool errors,
                                                           std::int64_t after, std::uint32_t limit);
[[nodiscard]] Result<void> drop_lines(SqlConnection& connection, std::string_view id);

}  // namespace rocket
