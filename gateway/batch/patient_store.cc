#include "batch/patient_store.h"

namespace rocket {

void PatientStore::note_trouble(Error error) {
  if (trouble_ != error.code) {
    around_.log.warn("a batch waits for the store", {{"batch", batch_}, {"detail", error.detail}});
  }
  trouble_ = error.code;
}

Task<void> PatientStore::wait_out(Error error) {
  constexpr Duration again_soon = std::chrono::seconds(1);
  note_trouble(std::move(error));
  Timers& timers = around_.loop.io.timers;
  co_await SleepUntil(timers, timers.now() + again_soon);
}

}  // namespace rocket
