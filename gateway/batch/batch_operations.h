#pragma once

#include <functional>

#include "batch/ray_word.h"
#include "batch/store_caller.h"
#include "proxy/operations.h"

namespace rocket {

// What the paths of batches are answered with, on one loop. Outlives the operations.
struct BatchApi {
  const StoreCaller& stores;
  // There is a new batch, or one has been cancelled: the engine is to look. On any thread.
  std::function<void()> look;
  const RayWord& ray;
};

// POST and GET /v1/batches; GET /v1/batches/ID, and ID/events: its progress as it comes; POST
// ID/cancel. A batch belongs to the key that has made it; to others it is not there.
void add_batch_operations(Operations& operations, const BatchApi& api);

}  // namespace rocket
