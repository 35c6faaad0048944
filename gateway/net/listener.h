#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/epoll_loop.h"
#include "net/file_descriptor.h"
#include "net/io.h"

namespace rocket {

// A listening TCP socket on host:port (port 0: any free one). `shared`: other loops of this
// process listen there too (SO_REUSEPORT). The error's detail is the system's word for it.
[[nodiscard]] Result<FileDescriptor> listen_tcp(const std::string& host, std::uint16_t port,
                                                bool shared);
// A listening Unix socket, mode 0600. A stale socket that nobody listens on is replaced.
[[nodiscard]] Result<FileDescriptor> listen_unix(const std::string& path);

[[nodiscard]] std::uint16_t local_port(const FileDescriptor& listener);

// How many client connections are held, and a place to wait while they are too many. One per
// loop.
class ConnectionCount {
 public:
  ConnectionCount(RunQueue& queue, size_t most) : most_(most), freed_(queue) {}

  void set_most(size_t most) { most_ = most; }
  [[nodiscard]] bool full() const { return held_ >= most_; }
  [[nodiscard]] size_t held() const { return held_; }
  [[nodiscard]] WaitSlot& freed() { return freed_; }

  // Counts one connection for as long as it lives.
  class Place {
   public:
    explicit Place(ConnectionCount& count) : count_(count) { ++count_.held_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      --count_.held_;
      count_.freed_.signal_one();
    }

   private:
    ConnectionCount& count_;
  };

 private:
  size_t most_;
  size_t held_ = 0;
  WaitSlot freed_;
};

// Accepts connections on one loop and hands each to `on_accept`, which must not throw or block.
// While the process is out of descriptors or `count` is full, it waits: the kernel's queue holds
// who comes meanwhile.
class Listener final : private EventSink {
 public:
  Listener(EpollLoop& loop, FileDescriptor fd, ConnectionCount& count);

  // Accepts until it is destroyed (the task or the listener's owner's group).
  [[nodiscard]] Task<void> accept_all(std::function<void(std::unique_ptr<ByteStream>)> on_accept);

 private:
  void on_events(std::uint32_t events) override;

  EpollLoop& loop_;
  FileDescriptor fd_;
  ConnectionCount& count_;
  WaitSlot acceptable_;
};

}  // namespace rocket
