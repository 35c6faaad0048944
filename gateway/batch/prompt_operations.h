#pragma once

#include "batch/line_places.h"
#include "proxy/operations.h"

namespace rocket {

// POST /v1/batch/prompts: a chat completion for each of many prompts, in the lowest lane, a bounded
// number at once. The answer is 200 with all of them in their order; one that could not be had has
// an error in its place. When the client hangs up, all are called off. `places` are those of the
// operations' loop, and outlive them.
void add_prompt_operations(Operations& operations, LinePlaces& places);

}  // namespace rocket
