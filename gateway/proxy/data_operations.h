#pragma once

#include <functional>

#include "proxy/operations.h"

namespace rocket {

// What health paths tell, asked on the loop: whether new requests may be sent (/readyz), and
// whether this is no lame duck yet (/-/healthz).
struct PortHealth {
  std::function<bool()> ready;
  std::function<bool()> serving;
};

// The data port: the OpenAI operations and the health paths.
void add_data_operations(Operations& operations, PortHealth health);

}  // namespace rocket
