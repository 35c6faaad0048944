#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "store/sql_connection.h"
#include "store/store.h"

// The batches of a Store in SQL and their leases, each call within the transaction of its caller.
namespace rocket {

[[nodiscard]] Result<void> add_batch(SqlConnection& connection, const StoredBatch& batch);
[[nodiscard]] Result<std::optional<StoredBatch>> find_batch(SqlConnection& connection,
                                                            std::string_view owner,
                                                            std::string_view id);
[[nodiscard]] Result<Store::Listed<StoredBatch>> list_batches(SqlConnection& connection,
                                                              std::string_view owner,
                                                              const Store::Page& page);
[[nodiscard]] Result<bool> update_batch(SqlConnection& connection, const StoredBatch& batch,
                                        BatchStatus from);

[[nodiscard]] Result<std::uint64_t> unfinished_batches(SqlConnection& connection,
                                                       std::string_view owner);
[[nodiscard]] Result<std::uint32_t> remove_ended_batches(SqlConnection& connection,
                                                         std::int64_t before, std::uint32_t limit);
[[nodiscard]] Result<std::vector<StoredBatch>> batches_at_work(SqlConnection& connection,
                                                               std::string_view engine);
[[nodiscard]] Result<std::vector<StoredBatch>> take_leases(SqlConnection& connection,
                                                           std::string_view holder,
                                                           std::int64_t now, std::int64_t until,
                                                           std::uint32_t limit);
[[nodiscard]] Result<bool> extend_lease(SqlConnection& connection, std::string_view id,
                                        std::string_view holder, std::int64_t until);
[[nodiscard]] Result<void> give_lease(SqlConnection& connection, std::string_view id,
                                      std::string_view holder);
[[nodiscard]] Result<bool> take_job(SqlConnection& connection, std::string_view id,
                                    const JobDriver& driver, std::int64_t now, std::int64_t until);

}  // namespace rocket
