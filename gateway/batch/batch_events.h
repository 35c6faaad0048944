#pragma once

#include <string>

#include "batch/batch_operations.h"
#include "proxy/call.h"

namespace rocket {

// Answers the call with a stream of events (SSE): what the batch of that id has come to, at once
// and whenever that has changed, as "event: progress" with the batch as its data; behind the last
// one, with which the batch has ended, "event: end". A comment now and then while nothing happens.
// The stream ends early where the gateway drains.
[[nodiscard]] Task<void> send_batch_events(Call& call, const BatchApi& api, std::string id);

}  // namespace rocket
