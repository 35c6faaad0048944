#pragma once

#include <string>

#include "net/epoll_loop.h"
#include "net/file_descriptor.h"
#include "net/io.h"

namespace rocket {

// A connected TCP or Unix socket.
class SocketStream : public ByteStream, private EventSink {
 public:
  // Takes over a non-blocking, connected (or connecting) socket and watches it on `loop`.
  SocketStream(EpollLoop& loop, FileDescriptor fd);

  [[nodiscard]] IoResult try_read(std::span<char> into) override;
  [[nodiscard]] IoResult try_write(std::span<const iovec> pieces) override;
  void end_writing() override;
  void give_up_unsent() override;
  [[nodiscard]] std::string peer() const override;

  [[nodiscard]] int fd() const { return fd_.get(); }

  // Suspends until a connection that is being made is there or has failed, and says which.
  [[nodiscard]] Task<Result<void>> connected(TimePoint deadline);

 protected:
  void on_events(std::uint32_t events) override;

 private:
  FileDescriptor fd_;
};

}  // namespace rocket
