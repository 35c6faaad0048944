#pragma once

#include "batch/block_desk.h"
#include "batch/ray_word.h"
#include "proxy/operations.h"

namespace rocket {

// What the admin port answers to Ray's side of a batch: the Serve replica beside this gateway, and
// the workers of a batch's job on this node. No text of a request or an answer goes that way.
//
//   GET /batches        batches of the engine `ray` that have not ended; `cluster`: whose driver
//                       has the job of one
//   POST /batches/ID    {"driver", "cluster"}: which places of one have no result yet; that driver
//                       has its job from then on. Another one has it: `taken`, and no places
//                       the same with "from", "to": ask the lines at these places. Answered by a
//                       line of JSON a second, the last of which has `end`; who hangs up calls it
//                       off
//   POST /ray           {"there": true}: whether Ray answers
//
// All on the loop of `desk`; both outlive the operations.
void add_block_operations(Operations& operations, BlockDesk& desk, RayWord& word);

}  // namespace rocket
