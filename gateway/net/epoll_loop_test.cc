#include "net/epoll_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "net/listener.h"
#include "net/socket_dialer.h"
#include "net/socket_stream.h"

namespace rocket {
namespace {

using namespace std::chrono_literals;

TEST(EpollLoop, RunsWhatOtherThreadsPostOnItsOwn) {
  EpollLoop loop;
  constexpr int posters = 4;
  constexpr int each = 2'000;
  std::atomic<bool> elsewhere = false;
  int done = 0;  // the loop's own: no lock, no atomic
  const auto own = std::this_thread::get_id();
  std::vector<std::thread> threads;
  for (int i = 0; i < posters; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < each; ++k) {
        loop.post([&] {
          if (std::this_thread::get_id() != own) elsewhere = true;
          if (++done == posters * each) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(done, posters * each);
  EXPECT_FALSE(elsewhere);
}

TEST(EpollLoop, KnowsForHowLongItWasBusy) {
  EpollLoop loop;
  TaskGroup tasks(loop.run_queue());
  const auto work_and_rest = [](EpollLoop& on) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      const TimePoint rested = on.clock() + 50ms;
      co_await SleepUntil(on, rested);
      const TimePoint until = on.clock() + 20ms;
      while (on.clock() < until) {
      }
    }
    // A turn is counted once it is over.
    const TimePoint over = on.clock() + 1ms;
    co_await SleepUntil(on, over);
    on.stop();
  };
  const TimePoint start = loop.clock();
  tasks.spawn(work_and_rest(loop));
  loop.run();
  const Duration all = loop.clock() - start;
  EXPECT_GE(loop.busy(), 60ms);
  // It has waited for 150 ms, less what the clock's steps of a millisecond take away.
  EXPECT_LE(loop.busy(), all - 140ms);
  const Duration busy = loop.busy();
  EXPECT_EQ(loop.busy(), busy) << "what does not run is not busy";
}

TEST(EpollLoop, WakesSleepersInTheOrderOfTheirDeadlines) {
  EpollLoop loop;
  TaskGroup tasks(loop.run_queue());
  std::vector<int> woken;
  const auto sleeper = [](EpollLoop& on, int ms, std::vector<int>& out) -> Task<void> {
    const TimePoint deadline = on.now() + std::chrono::milliseconds(ms);
    co_await SleepUntil(on, deadline);
    EXPECT_GE(on.now(), deadline);
    out.push_back(ms);
    if (out.size() == 3) on.stop();
  };
  for (const int ms : {9, 1, 5})
    tasks.spawn(sleeper(loop, ms, woken));
  loop.run();
  EXPECT_EQ(woken, (std::vector<int>{1, 5, 9}));
}

TEST(EpollLoop, AStreamThatCanNotBeWatchedIsOver) {
  EpollLoop loop;
  // The kernel watches no regular files.
  SocketStream stream(loop, FileDescriptor(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)));
  EXPECT_TRUE(stream.hung_up());
  EXPECT_EQ(stream.try_read(loop.scratch()).status, IoResult::Status::failed);
  TaskGroup tasks(loop.run_queue());
  ErrorCode code{};
  const auto connect = [](SocketStream& on, EpollLoop& with, ErrorCode& out) -> Task<void> {
    const auto connected = co_await on.connected(never);
    if (!connected) out = connected.error().code;
    with.stop();
  };
  tasks.spawn(connect(stream, loop, code));
  loop.run();
  EXPECT_EQ(code, ErrorCode::overloaded);
}

// Sends all it is given back, with more in flight than any socket buffer holds.
Task<void> echo(std::unique_ptr<ByteStream> stream) {
  std::vector<char> buffer(64 * 1024);
  while (true) {
    const IoResult read = stream->try_read(buffer);
    if (read.status == IoResult::Status::would_block) {
      co_await stream->readable(never);
      continue;
    }
    if (read.status != IoResult::Status::done) co_return;
    std::string_view rest(buffer.data(), read.bytes);
    while (!rest.empty()) {
      const iovec piece{const_cast<char*>(rest.data()), rest.size()};
      const IoResult written = stream->try_write({&piece, 1});
      if (written.status == IoResult::Status::failed) co_return;
      if (written.status == IoResult::Status::would_block) {
        co_await stream->writable(never);
      } else {
        rest.remove_prefix(written.bytes);
      }
    }
  }
}

Task<void> send_pattern(ByteStream& stream, size_t bytes) {
  std::string block(48 * 1024, '\0');
  size_t sent = 0;
  while (sent < bytes) {
    for (size_t i = 0; i < block.size(); ++i)
      block[i] = static_cast<char>((sent + i) % 251);
    const iovec piece{block.data(), std::min(block.size(), bytes - sent)};
    const IoResult written = stream.try_write({&piece, 1});
    if (written.status == IoResult::Status::would_block) {
      co_await stream.writable(never);
    } else {
      sent += written.bytes;
    }
  }
}

Task<void> check_pattern(ByteStream& stream, size_t bytes, size_t& wrong, EpollLoop& loop) {
  std::vector<char> buffer(64 * 1024);
  size_t received = 0;
  while (received < bytes) {
    const IoResult read = stream.try_read(buffer);
    if (read.status == IoResult::Status::would_block) {
      co_await stream.readable(never);
      continue;
    }
    if (read.status != IoResult::Status::done) break;
    for (size_t i = 0; i < read.bytes; ++i) {
      wrong += buffer[i] == static_cast<char>((received + i) % 251) ? 0 : 1;
    }
    received += read.bytes;
  }
  wrong += bytes - received;
  loop.stop();
}

// Two loops on two threads, talking over TCP: readiness, partial writes, short reads, hang-up.
TEST(EpollLoop, TwoLoopsExchangeMegabytesWhole) {
  auto socket = listen_tcp("127.0.0.1", 0, false);
  ASSERT_TRUE(socket);
  const std::uint16_t port = local_port(*socket);
  EpollLoop server_loop;
  ConnectionCount count(server_loop.run_queue(), 10);
  Listener listener(server_loop, std::move(*socket), count);
  TaskGroup served(server_loop.run_queue());
  served.spawn(listener.accept_all(
      [&](std::unique_ptr<ByteStream> stream) { served.spawn(echo(std::move(stream))); }));
  std::thread server([&] { server_loop.run(); });

  constexpr size_t bytes = 8 * 1024 * 1024;
  size_t wrong = 0;
  {
    EpollLoop loop;
    SocketDialer dialer(loop);
    TaskGroup tasks(loop.run_queue());
    const auto talk = [](EpollLoop& on, SocketDialer& with, std::uint16_t to, TaskGroup& group,
                         size_t& faults) -> Task<void> {
      Address address{"127.0.0.1", to, false, ""};
      auto stream = co_await with.dial(std::move(address), on.now() + 5s);
      EXPECT_TRUE(stream);
      if (!stream) on.stop();
      if (!stream) co_return;
      ByteStream& both = **stream;
      group.spawn(send_pattern(both, bytes));
      co_await check_pattern(both, bytes, faults, on);
    };
    tasks.spawn(talk(loop, dialer, port, tasks, wrong));
    loop.run();
  }
  server_loop.stop();
  server.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(EpollLoop, TellsARefusedConnectionFromOneThatTimesOut) {
  EpollLoop loop;
  SocketDialer dialer(loop);
  TaskGroup tasks(loop.run_queue());
  std::uint16_t closed = 0;
  {
    auto socket = listen_tcp("127.0.0.1", 0, false);
    ASSERT_TRUE(socket);
    closed = local_port(*socket);
  }
  std::optional<ErrorCode> refused;
  const auto dial = [](EpollLoop& on, SocketDialer& with, std::uint16_t to,
                       std::optional<ErrorCode>& out) -> Task<void> {
    Address address{"127.0.0.1", to, false, ""};
    const auto stream = co_await with.dial(std::move(address), on.now() + 5s);
    if (!stream) out = stream.error().code;
    on.stop();
  };
  tasks.spawn(dial(loop, dialer, closed, refused));
  loop.run();
  EXPECT_EQ(refused, ErrorCode::connect_refused);
}

TEST(EpollLoop, ResolvesANameOffTheLoop) {
  EpollLoop loop;
  Resolver resolver(loop);
  TaskGroup tasks(loop.run_queue());
  size_t addresses = 0;
  const auto resolve = [](EpollLoop& on, Resolver& by, size_t& out) -> Task<void> {
    const auto found = co_await by.resolve("localhost", 80, on.now() + 10s);
    if (found) out = found->size();
    // The second time it is known.
    const auto again = co_await by.resolve("localhost", 80, on.now());
    EXPECT_EQ(again.has_value(), found.has_value());
    on.stop();
  };
  tasks.spawn(resolve(loop, resolver, addresses));
  loop.run();
  EXPECT_GE(addresses, 1U);
}

}  // namespace
}  // namespace rocket
