#pragma once

#include <type_traits>
#include <utility>

#include "batch/work_caller.h"
#include "store/store_thread.h"

namespace rocket {

// How the coroutines of one loop ask the store. What asks runs on the store's thread; see
// WorkCaller for what it may use, and what becomes of it when its caller is destroyed.
class StoreCaller {
 public:
  StoreCaller(StoreThread& thread, WorkCaller caller)
      : thread_(thread), caller_(std::move(caller)) {}

  // What ask(Store&) returns, a Result. The store is made if there is none yet.
  template <class Ask>
  [[nodiscard]] Task<std::invoke_result_t<Ask&, Store&>> call(Ask ask) const {
    return post(StoreThread::Need::make, std::move(ask));
  }

  // The same for those who only look: where no store has been needed yet, none is made, and the
  // answer is the empty one, R{}.
  template <class Ask>
  [[nodiscard]] Task<std::invoke_result_t<Ask&, Store&>> look(Ask ask) const {
    return post(StoreThread::Need::look, std::move(ask));
  }

 private:
  template <class Ask>
  [[nodiscard]] Task<std::invoke_result_t<Ask&, Store&>> post(StoreThread::Need need,
                                                              Ask ask) const {
    using R = std::invoke_result_t<Ask&, Store&>;
    return caller_.ask<R>([this, need, ask = std::move(ask)](auto reply) mutable {
      return thread_.post(
          need, [ask = std::move(ask), reply = std::move(reply)](Result<Store*> store) mutable {
            if (!store) {
              reply(R(std::unexpected(std::move(store.error()))));
            } else {
              reply(*store == nullptr ? R{} : ask(**store));
            }
          });
    });
  }

  StoreThread& thread_;
  WorkCaller caller_;
};

}  // namespace rocket
