#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/epoll_loop.h"
#include "proxy/loop_state.h"

namespace rocket {

// Finds a request's receipt on whatever loop it was served: each loop is asked by a post, looks
// into its own book between two turns and posts a copy back, so that no request ever waits for it.
class ReceiptSearch {
 public:
  // Loops in use; the first is the one on which find() runs. They outlive the search.
  void add(EpollLoop& loop, const LoopState& state) { places_.push_back({&loop, &state}); }

  // Of several requests with that id, as clients choose them, the one that began last.
  [[nodiscard]] Task<std::optional<Receipt>> find(std::string id);

 private:
  struct Place {
    EpollLoop* loop;
    const LoopState* state;
  };
  // Shared with the posts under way: whoever asked may have gone.
  struct Pending {
    explicit Pending(RunQueue& queue) : answered(queue) {}
    WaitSlot answered;
    std::size_t missing = 0;
    std::optional<Receipt> newest;
  };

  static void ask(const Place& place, EpollLoop& home, const std::shared_ptr<Pending>& pending,
                  const std::string& id);

  std::vector<Place> places_;
};

}  // namespace rocket
