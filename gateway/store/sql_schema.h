#pragma once

#include <cstdint>

#include "base/error.h"
#include "store/sql_connection.h"

namespace rocket {

// The version of the tables that this Rocket works with.
[[nodiscard]] std::int64_t current_schema_version();

// Brings the tables to that version, or to an earlier one than this Rocket's, in one transaction.
// Those that are newer are left as they are: store_unavailable.
[[nodiscard]] Result<void> migrate(SqlConnection& connection,
                                   std::int64_t to = current_schema_version());

}  // namespace rocket
