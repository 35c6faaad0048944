#include "net/connection_pool.h"

#include <algorithm>

namespace rocket {

std::optional<ConnectionPool::Lease> ConnectionPool::take_idle() {
  const TimePoint now = io_.timers.now();
  while (!idle_.empty()) {
    Idle last = std::move(idle_.back());
    idle_.pop_back();
    if (!too_old(last, now) && last.stream->quiet()) {
      return Lease(shared_from_this(), std::move(last.stream), true, last.dialed_at);
    }
  }
  return std::nullopt;
}

Task<Result<ConnectionPool::Lease>> ConnectionPool::dial(TimePoint deadline) {
  auto stream = co_await io_.dialer.dial(address_, deadline);
  if (!stream) co_return std::unexpected(stream.error());
  co_return Lease(shared_from_this(), std::move(*stream), false, io_.timers.now());
}

void ConnectionPool::keep(std::unique_ptr<ByteStream> stream, TimePoint dialed_at) {
  if (idle_.size() >= limits_.idle_max || stream->hung_up()) return;
  idle_.push_back({std::move(stream), io_.timers.now(), dialed_at});
}

void ConnectionPool::sweep() {
  const TimePoint now = io_.timers.now();
  std::erase_if(idle_,
                [&](const Idle& idle) { return too_old(idle, now) || idle.stream->hung_up(); });
}

}  // namespace rocket
