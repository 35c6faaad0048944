#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch_surroundings.h"
#include "batch/block_range.h"
#include "batch/desk_batch.h"

namespace rocket {

// Asks lines of batches whose engine is `ray`, in the blocks that somebody else gives out: the
// driver of a Ray job, to the gateways of all nodes. Whoever has such a batch's lease does all else
// about it, on whatever node. One of a process; belongs to one loop.
//
// What comes of a line is written into the store here, so that a block's giver hears no more than
// that it is done. A block that is given twice, to whomever, is asked twice at worst: a line has
// one result.
class BlockDesk {
 public:
  // An index that nobody has needed for so long is forgotten.
  static constexpr Duration idle_max = std::chrono::seconds(30);

  // `around` outlives it.
  explicit BlockDesk(const BatchSurroundings& around);
  BlockDesk(const BlockDesk&) = delete;
  BlockDesk& operator=(const BlockDesk&) = delete;

  // Batches of that engine which have not ended.
  [[nodiscard]] Task<Result<std::vector<StoredBatch>>> batches();
  // One of them that is in progress, open: its lines can be asked. Else batch_not_found. It must
  // not be kept across a wait by anybody who does not work on it.
  [[nodiscard]] Task<Result<std::shared_ptr<DeskBatch>>> open(std::string id);
  // Begins nothing any more; waits for what is being asked, until `deadline`.
  void stop();
  [[nodiscard]] Task<void> drain(TimePoint deadline);

 private:
  [[nodiscard]] Task<void> forget_idle();

  const BatchSurroundings& around_;
  std::map<std::string, std::shared_ptr<DeskBatch>> open_;  // by the batch's id
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace rocket
