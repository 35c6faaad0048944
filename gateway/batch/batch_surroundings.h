#pragma once

#include "base/log.h"
#include "batch/batch_files.h"
#include "batch/line_places.h"
#include "batch/store_caller.h"

namespace rocket {

// What whoever works on batches has to do it with. Outlives him.
struct BatchSurroundings {
  LoopState& loop;
  const StoreCaller& stores;
  const WorkCaller& work;
  WorkThread& disk;  // where files are read and written
  BatchFiles& files;
  LinePlaces& places;
  Log& log;
};

}  // namespace rocket
