#include "net/connection_pool.h"

#include <algorithm>

namespace rocket {

std::optional<ConnectionPool::Lease> ConnectionPool::take_idle() {
  const TimePoint now = io_.timers.now();
  while (!idle_.empty()) {
    Idle last = std::move(idle_.back());
    idle_.pop_back();
    if (now - last.since < limits_.idle_time && last.stream->quiet()) {
      return Lease(shared_from_this(), std::move(last.stream), true);
    }
  }
  return std::nullopt;
}

Task<Result<ConnectionPool::Lease>> ConnectionPool::dial(TimePoint deadline) {
  auto stream = co_await io_.dialer.dial(address_, deadline);
  if (!stream) co_return std::unexpected(stream.error());
  co_return Lease(shared_from_this(), std::move(*stream), false);
}

void ConnectionPool::keep(std::unique_ptr<ByteStream> stream) {
  if (idle_.size() >= limits_.idle_max || stream->hung_up()) return;
  idle_.push_back({std::move(stream), io_.timers.now()});
}

void ConnectionPool::sweep() {
  const TimePoint now = io_.timers.now();
  std::erase_if(idle_, [&](const Idle& idle) {
    return now - idle.since >= limits_.idle_time || idle.stream->hung_up();
  });
}

}  // namespace rocket
