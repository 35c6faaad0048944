#pragma once

#include "proxy/operations.h"

namespace rocket {

// What clients of Anthropic's Messages API ask for, over any backend: messages, the count of their
// tokens, and the HEAD / by which coding agents see whether anybody is there. (Its list of models
// is at OpenAI's path.)
void add_anthropic_operations(Operations& operations);

}  // namespace rocket
