#include "proxy/server.h"

#include <malloc.h>

namespace rocket {
namespace {

// Often enough for someone who follows the log; a connection's idle time is counted in seconds.
constexpr Duration chore_interval = std::chrono::milliseconds(200);

}  // namespace

Server::Server(LoopState& loop)
    : loop_(loop),
      traces_(loop),
      connections_(loop.io.timers.run_queue()),
      chores_(loop.io.timers.run_queue()) {
  chores_.spawn(do_chores());
  chores_.spawn(traces_.run());
}

void Server::accept(std::unique_ptr<ByteStream> stream, Operations& operations,
                    ConnectionCount& count) {
  connections_.spawn(serve(std::move(stream), operations, count));
}

Task<void> Server::serve(std::unique_ptr<ByteStream> stream, Operations& operations,
                         ConnectionCount& count) {
  const ConnectionCount::Place place(count);
  const GaugeHold counted(loop_.metrics.gauge(Family::connections));
  const TimePoint deadline =
      deadline_after(loop_.io.timers.now(), operations.settings().header_time);
  const bool open = co_await stream->opened(deadline);
  if (!open) co_return;
  HttpConnection connection(loop_.io, std::move(stream), operations);
  Listed listed;
  listed.connection = &connection;
  listed.link_before(listed_);
  co_await connection.run();
}

void Server::drain() {
  loop_.draining = true;
  for (ListHook* hook = listed_.next(); hook != &listed_; hook = hook->next()) {
    static_cast<Listed*>(hook)->connection->wake_idle();
  }
}

Task<void> Server::send_traces(TimePoint deadline) {
  while (!traces_.idle() && loop_.io.timers.now() < deadline) {
    loop_.traces.due().signal_one();
    co_await SleepUntil(loop_.io.timers, loop_.io.timers.now() + std::chrono::milliseconds(10));
  }
}

Task<void> Server::do_chores() {
  while (true) {
    co_await SleepUntil(loop_.io.timers, loop_.io.timers.now() + chore_interval);
    loop_.access_log.flush();
    if (loop_.traces.size() != 0) loop_.traces.due().signal_one();
    loop_.sweep();
    give_back_memory();
  }
}

// The small objects of many connections leave holes in the heap, which malloc does not give back by
// itself.
void Server::give_back_memory() {
  constexpr std::uint64_t bytes_per_connection = 4096;
  const std::uint64_t held = connections() * bytes_per_connection + loop_.bodies.held();
  if (ebb_.ebbed(held, loop_.io.timers.now())) ::malloc_trim(0);
}

}  // namespace rocket
