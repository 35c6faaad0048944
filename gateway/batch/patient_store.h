#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "batch/batch_surroundings.h"

namespace rocket {

// The store, for whoever works on one batch and has nothing else to do until it answers: asks
// again and again. A trouble is logged when it begins. Belongs to one loop.
class PatientStore {
 public:
  // `around` outlives it; `batch` is the id that the log shows.
  PatientStore(const BatchSurroundings& around, std::string batch)
      : around_(around), batch_(std::move(batch)) {}

  // The store's answer, however long it takes to get one.
  template <class Ask>
  [[nodiscard]] auto insist(Ask ask)
      -> Task<typename std::invoke_result_t<Ask&, Store&>::value_type> {
    while (true) {
      Ask once = ask;
      auto answer = co_await around_.stores.call(std::move(once));
      if (answer) {
        forget_trouble();
        if constexpr (std::is_void_v<typename std::invoke_result_t<Ask&, Store&>::value_type>) {
          co_return;
        } else {
          co_return *std::move(answer);
        }
      }
      co_await wait_out(std::move(answer.error()));
    }
  }

  void note_trouble(Error error);
  void forget_trouble() { trouble_.reset(); }
  // Notes it, and gives it a second to pass.
  [[nodiscard]] Task<void> wait_out(Error error);

 private:
  const BatchSurroundings& around_;
  const std::string batch_;
  std::optional<ErrorCode> trouble_;
};

}  // namespace rocket
