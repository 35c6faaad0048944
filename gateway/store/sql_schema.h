#pragma once

#include <cstdint>

#include "base/error.h"
#include "store/sql_connection.h"

namespace rocket {

// The version of the tables that this Rocket works with. Those of the same thousand only add to
// each other (tables, columns with defaults, indexes), and nothing that an older Rocket must know
// of to keep its promises: so gateways of different versions share a store while they are replaced,
// and an update can be taken back. What is no addition begins the next thousand.
[[nodiscard]] std::int64_t current_schema_version();
// Whether this Rocket can work with tables of that version once it has brought them to its own.
[[nodiscard]] bool works_with_schema(std::int64_t version);

// Brings the tables to that version, or to an earlier one than this Rocket's, in one transaction.
// Those that are newer are left as they are: worked with if they only have additions, else
// store_unavailable.
[[nodiscard]] Result<void> migrate(SqlConnection& connection,
                                   std::int64_t to = current_schema_version());

}  // namespace rocket
