#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "net/io.h"

namespace rocket {

// Idle connections to one endpoint, last in, first out, so that a quiet period lets the surplus
// grow old and go. One per endpoint and loop; a lease keeps it alive.
class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  struct Limits {
    size_t idle_max = 256;
    // Below what servers allow: llama.cpp and uvicorn close after 5 s (facts of 2026).
    Duration idle_time = std::chrono::seconds(4);
    // A name may come to mean another address, which only a new connection finds out.
    Duration age = std::chrono::seconds(15);
  };

  // A borrowed connection. Its destructor closes it, unless give_back() said that a whole
  // exchange ended well on it.
  class Lease {
   public:
    Lease(std::shared_ptr<ConnectionPool> pool, std::unique_ptr<ByteStream> stream, bool reused,
          TimePoint dialed_at)
        : pool_(std::move(pool)),
          stream_(std::move(stream)),
          reused_(reused),
          dialed_at_(dialed_at) {}

    [[nodiscard]] ByteStream& stream() { return *stream_; }
    // The connection has carried an exchange before: if it dies before a byte of the answer,
    // the server had closed it, and the request may be sent again.
    [[nodiscard]] bool reused() const { return reused_; }
    void give_back() { pool_->keep(std::move(stream_), dialed_at_); }

   private:
    std::shared_ptr<ConnectionPool> pool_;
    std::unique_ptr<ByteStream> stream_;
    bool reused_;
    TimePoint dialed_at_;
  };

  ConnectionPool(Io& io, Address address, Limits limits)
      : io_(io), address_(std::move(address)), limits_(limits) {}

  // An idle connection that is still good, if there is one.
  [[nodiscard]] std::optional<Lease> take_idle();
  // A new connection. Errors: those of Dialer::dial.
  [[nodiscard]] Task<Result<Lease>> dial(TimePoint deadline);

  // Closes what has been idle too long or was closed by its peer.
  void sweep();
  void set_limits(Limits limits) { limits_ = limits; }
  [[nodiscard]] size_t idle() const { return idle_.size(); }

 private:
  struct Idle {
    std::unique_ptr<ByteStream> stream;
    TimePoint since;
    TimePoint dialed_at;
  };

  void keep(std::unique_ptr<ByteStream> stream, TimePoint dialed_at);
  [[nodiscard]] bool too_old(const Idle& idle, TimePoint now) const {
    return now - idle.since >= limits_.idle_time || now - idle.dialed_at >= limits_.age;
  }

  Io& io_;
  Address address_;
  Limits limits_;
  std::vector<Idle> idle_;
};

}  // namespace rocket
