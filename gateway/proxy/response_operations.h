#pragma once

#include "proxy/operations.h"

namespace rocket {

// Responses that are kept (proxy/response_store), to be got and deleted by whoever asked for them:
// /v1/responses/{id}, and what it was made from at /v1/responses/{id}/input_items.
void add_response_operations(Operations& operations);

}  // namespace rocket
