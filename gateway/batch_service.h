#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "batch/batch_engine.h"
#include "batch/batch_operations.h"
#include "batch/block_desk.h"
#include "batch/ray_word.h"
#include "batch/storage.h"
#include "batch/vault_files.h"
#include "worker.h"

namespace rocket {

// Batches in a gateway: the engine on its first loop, the desk for those that Ray shares out, and
// what is answered about them on every loop. `first`, its way to the storage, and the log outlive
// it.
class BatchService {
 public:
  BatchService(Worker& first, StorageAccess& access, Log& log, std::string holder);
  BatchService(const BatchService&) = delete;
  BatchService& operator=(const BatchService&) = delete;

  // Both outlive what the worker answers.
  void add_operations(Worker& worker, const StorageAccess& access);
  // What the first loop's admin port answers to Ray's side.
  void add_admin_operations();
  // See BatchEngine and BlockDesk. On the first loop.
  [[nodiscard]] Task<void> run() { return engine_.run(); }
  [[nodiscard]] Task<void> drain(TimePoint deadline);

 private:
  // What one worker's operations need.
  struct Answering {
    Answering(BatchApi answered, LoopState& loop) : api(std::move(answered)), places(loop) {}
    BatchApi api;
    LinePlaces places;
  };

  Worker& first_;
  VaultFiles files_;
  LinePlaces places_;
  BatchSurroundings around_;
  BatchEngine engine_;
  BlockDesk desk_;
  RayWord ray_;
  std::vector<std::unique_ptr<Answering>> answering_;
};

}  // namespace rocket
