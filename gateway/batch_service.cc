#include "batch_service.h"

#include <utility>

#include "batch/block_operations.h"
#include "batch/prompt_operations.h"

namespace rocket {

BatchService::BatchService(Worker& first, StorageAccess& access, Log& log, std::string holder)
    : first_(first),
      files_(access.shared.vault),
      places_(first.state),
      around_{first.state, access.store, access.work, access.shared.vault.thread(),
              files_,      places_,      log},
      engine_(around_, std::move(holder), [&access] { return access.shared.begun(); }),
      desk_(around_) {}

void BatchService::add_admin_operations() {
  add_block_operations(first_.admin, desk_, ray_);
}

Task<void> BatchService::drain(TimePoint deadline) {
  // Both begin nothing any more before either is waited for.
  desk_.stop();
  co_await engine_.drain(deadline);
  co_await desk_.drain(deadline);
}

void BatchService::add_operations(Worker& worker, const StorageAccess& access) {
  // Any loop may tell the engine's.
  const auto look = [this] { first_.loop.post([this] { engine_.look(); }); };
  answering_.push_back(
      std::make_unique<Answering>(BatchApi{access.store, look, ray_}, worker.state));
  add_batch_operations(worker.data, answering_.back()->api);
  add_prompt_operations(worker.data, answering_.back()->places);
}

}  // namespace rocket
