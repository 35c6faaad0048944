#pragma once

#include <memory>
#include <vector>

#include "net/epoll_loop.h"
#include "net/listener.h"
#include "net/socket_dialer.h"
#include "proxy/server.h"

namespace rocket {

// One event loop with everything that lives on it, in the order in which it is taken down again
// from below.
struct Worker {
  // Of its own, so that a full data port does not lock the operator out.
  static constexpr size_t admin_connections = 100;
  static constexpr size_t metrics_connections = 16;

  // What all of them share, and outlives them.
  struct Shared {
    Metrics& metrics;
    ByteBudget& bodies;
    Bells& bells;
    int access_fd;
  };

  Worker(size_t index, const Shared& shared, std::uint64_t seed)
      : io{loop, dialer, loop.scratch()},
        access_log(shared.access_fd),
        admission(loop, shared.metrics.shard(index), shared.bells, index),
        state{.io = io,
              .bodies = shared.bodies,
              .metrics = shared.metrics.shard(index),
              .access_log = access_log,
              .random = Random(seed),
              .current = nullptr,
              .read_offs = TaskGroup(loop.run_queue()),
              .traces = TraceQueue(loop.run_queue()),
              .media = MediaPlaces(loop.run_queue()),
              .admission = admission},
        count(loop.run_queue(), 0),  // until a configuration is in force
        admin_count(loop.run_queue(), admin_connections),
        metrics_count(loop.run_queue(), metrics_connections),
        data(state),
        admin(state, Operations::Port::admin),
        metrics(state, Operations::Port::metrics),
        server(state),
        accepting(loop.run_queue()),
        accepting_admin(loop.run_queue()),
        accepting_metrics(loop.run_queue()),
        tasks(loop.run_queue()) {
    shared.bells.hang(index, [this] { loop.post([this] { admission.look(); }); });
  }

  void listen(FileDescriptor fd, Operations& operations) {
    const bool for_admin = &operations == &admin;
    ConnectionCount& counted = for_admin ? admin_count : count;
    Listening& listening = for_admin ? admin_listener : listeners.emplace_back();
    const auto make_stream = [this, for_admin](FileDescriptor connection) {
      return for_admin ? admin_stream(std::move(connection)) : data_stream(std::move(connection));
    };
    listening.listener = std::make_unique<Listener>(loop, std::move(fd), counted, make_stream);
    listening.on_accept = [this, &operations, &counted](std::unique_ptr<ByteStream> stream) {
      server.accept(std::move(stream), operations, counted);
    };
    TaskGroup& group = for_admin ? accepting_admin : accepting;
    group.spawn(listening.listener->accept_all(listening.on_accept));
  }

  // Where only metrics are.
  void listen_for_metrics(FileDescriptor fd) {
    metrics_listener.listener = std::make_unique<Listener>(
        loop, std::move(fd), metrics_count, [this](FileDescriptor connection) {
          return std::make_unique<SocketStream>(loop, std::move(connection));
        });
    metrics_listener.on_accept = [this](std::unique_ptr<ByteStream> stream) {
      server.accept(std::move(stream), metrics, metrics_count);
    };
    accepting_metrics.spawn(metrics_listener.listener->accept_all(metrics_listener.on_accept));
  }

  // The data port; the admin port stays to tell how the drain goes.
  void stop_listening() {
    accepting.cancel_all();
    for (const Listening& listening : listeners) {
      listening.listener->accept_waiting(listening.on_accept);
    }
    listeners.clear();
  }

  // Who comes to the admin port from now on waits for whoever listens there next.
  void leave_admin_port() { accepting_admin.cancel_all(); }

  [[nodiscard]] std::unique_ptr<ByteStream> data_stream(FileDescriptor connection) {
    if (tls) return std::make_unique<TlsStream>(loop, std::move(connection), tls.get());
    return std::make_unique<SocketStream>(loop, std::move(connection));
  }
  [[nodiscard]] std::unique_ptr<ByteStream> admin_stream(FileDescriptor connection) {
    if (admin_on_unix && !from_own_user(connection)) return nullptr;
    return std::make_unique<SocketStream>(loop, std::move(connection));
  }

  struct Listening {
    std::unique_ptr<Listener> listener;
    Listener::OnAccept on_accept;
  };

  std::shared_ptr<SSL_CTX> tls;  // of new connections to the data port; null: plain HTTP
  bool admin_on_unix = false;
  EpollLoop loop;
  SocketDialer dialer{loop};
  Io io;
  AccessLog access_log;
  Admission admission;
  LoopState state;
  ConnectionCount count;
  ConnectionCount admin_count;
  ConnectionCount metrics_count;
  Operations data;
  Operations admin;
  Operations metrics;
  Server server;
  std::vector<Listening> listeners;
  Listening admin_listener;
  Listening metrics_listener;
  TaskGroup accepting;
  TaskGroup accepting_admin;
  TaskGroup accepting_metrics;
  TaskGroup tasks;
};

}  // namespace rocket
