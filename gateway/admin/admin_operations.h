#pragma once

#include <functional>

#include "proxy/control.h"
#include "proxy/data_operations.h"
#include "telemetry/exposition.h"

namespace rocket {

// What the admin port tells: /metrics, /health and /backends. Loop 0 only. Everything that is
// referred to outlives the operations.
struct AdminView {
  const Control& control;
  const Exposition& exposition;
  PortHealth health;
};
void add_admin_operations(Operations& operations, const AdminView& view);

}  // namespace rocket
