#pragma once

#include "admin/receipt_search.h"
#include "proxy/control.h"
#include "proxy/data_operations.h"
#include "telemetry/exposition.h"

namespace rocket {

// What the admin port tells: /metrics, /health, /backends and /requests/{id}. Loop 0 only.
// Everything that is referred to outlives the operations.
struct AdminView {
  Control& control;
  const Exposition& exposition;
  PortHealth health;
  ReceiptSearch& receipts;
};
void add_admin_operations(Operations& operations, const AdminView& view);
// /metrics alone. Loop 0 only; `exposition` outlives the operations.
void add_metrics_operation(Operations& operations, const Exposition& exposition);

}  // namespace rocket
