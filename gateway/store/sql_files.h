#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/sql_connection.h"
#include "store/store.h"

// The files of a Store in SQL, each call within the transaction of its caller.
namespace rocket {

[[nodiscard]] Result<void> add_file(SqlConnection& connection, const StoredFile& file);
[[nodiscard]] Result<std::optional<StoredFile>> find_file(SqlConnection& connection,
                                                          std::string_view owner,
                                                          std::string_view id);
[[nodiscard]] Result<Store::Listed<StoredFile>> list_files(SqlConnection& connection,
                                                           std::string_view owner,
                                                           const Store::Page& page);
[[nodiscard]] Result<bool> expire_file(SqlConnection& connection, std::string_view owner,
                                       std::string_view id, std::int64_t now);
[[nodiscard]] Result<bool> is_read(SqlConnection& connection, std::string_view id);
[[nodiscard]] Result<bool> remove_file(SqlConnection& connection, std::string_view owner,
                                       std::string_view id);
[[nodiscard]] Result<std::vector<StoredFile>> expired_files(SqlConnection& connection,
                                                            std::int64_t now, std::uint32_t limit);
[[nodiscard]] Result<std::uint64_t> file_bytes(SqlConnection& connection, std::uint64_t least);
[[nodiscard]] Result<std::vector<std::string>> known_files(SqlConnection& connection,
                                                           std::span<const std::string> ids);

}  // namespace rocket
