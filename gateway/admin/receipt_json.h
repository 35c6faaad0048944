#pragma once

#include <nlohmann/json_fwd.hpp>

#include "telemetry/receipt.h"

namespace rocket {

// A receipt as GET /requests/{id} tells it. Of a request that is under way: as far as it has come.
[[nodiscard]] nlohmann::json describe_receipt(const Receipt& receipt, TimePoint now);

}  // namespace rocket
