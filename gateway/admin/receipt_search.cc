#include "admin/receipt_search.h"

namespace rocket {
namespace {

// A loop that is busy for longer is not asked in vain: the others' answers count.
constexpr Duration patience = std::chrono::seconds(1);

std::optional<Receipt> look_up(const LoopState& state, std::string_view id) {
  if (!state.current) return std::nullopt;
  const Receipt* const found = state.current->receipts->find(id);
  if (found == nullptr) return std::nullopt;
  return *found;
}

void keep_newer(std::optional<Receipt>& newest, const std::optional<Receipt>& found) {
  if (found && (!newest || newest->begun < found->begun)) newest = found;
}

}  // namespace

Task<std::optional<Receipt>> ReceiptSearch::find(std::string id) {
  EpollLoop& home = *places_.front().loop;
  const auto pending = std::make_shared<Pending>(home.run_queue());
  pending->newest = look_up(*places_.front().state, id);
  pending->missing = places_.size() - 1;
  for (std::size_t i = 1; i < places_.size(); ++i)
    ask(places_[i], home, pending, id);
  const TimePoint deadline = home.now() + patience;
  while (pending->missing != 0 && home.now() < deadline) {
    co_await Wait(home, pending->answered, deadline);
  }
  co_return pending->newest;
}

void ReceiptSearch::ask(const Place& place, EpollLoop& home,
                        const std::shared_ptr<Pending>& pending, const std::string& id) {
  place.loop->post([state = place.state, &home, pending, id] {
    home.post([pending, found = look_up(*state, id)] {
      keep_newer(pending->newest, found);
      --pending->missing;
      pending->answered.signal_all();
    });
  });
}

}  // namespace rocket
