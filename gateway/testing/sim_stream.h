#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/random.h"
#include "net/io.h"
#include "testing/sim_loop.h"

namespace rocket {

using namespace std::chrono_literals;

// How a simulated link behaves. Any of it may be changed under open connections and then holds
// for what is sent from there on.
struct SimLink {
  enum class Connect : unsigned char {
    accept,
    refuse,
    black_hole,  // a dial hears nothing, until its deadline
  };

  Connect connect = Connect::accept;
  Duration latency = 1ms;              // one way
  std::size_t buffer_bytes = 65536;    // per direction: written, and not read by the peer yet
  std::uint64_t bytes_per_second = 0;  // per direction of each connection; 0: no bound
  bool split_reads = false;            // a read yields a random part of what has arrived
  // The connection is reset behind so many bytes of the listener's.
  std::optional<std::uint64_t> reset_after;
  // Nothing arrives in either direction until thawed, which SimNet does.
  bool frozen = false;
};

class SimConnection;

// One end of a simulated connection. Behaves as a TCP socket of Linux does, where that can be
// seen from outside: what was sent before an end arrives before it; an end that goes with bytes
// unread resets the connection behind what it sent; the first write to a peer that is gone
// succeeds and breaks the connection one round trip later; what has arrived can be read even
// after a reset.
class SimStream final : public ByteStream {
 public:
  enum class Side : unsigned char { dialer, listener };

  SimStream(Timers& timers, std::shared_ptr<SimConnection> connection, Side side);
  ~SimStream() override;

  [[nodiscard]] IoResult try_read(std::span<char> into) override;
  [[nodiscard]] IoResult try_write(std::span<const iovec> pieces) override;
  void end_writing() override;
  [[nodiscard]] std::string peer() const override;

  // Breaks the connection: what is under way to the peer is lost.
  void reset();
  // The same for a stream that is known to be simulated.
  static void reset(ByteStream& stream) { static_cast<SimStream&>(stream).reset(); }

 private:
  friend class SimConnection;

  std::shared_ptr<SimConnection> connection_;
  Side side_;
};

// A connection over `link`: the dialer's end and the listener's. `seed` decides how reads are
// split. Its events hold no reference to it: it is gone when both ends are.
struct SimPair {
  std::unique_ptr<SimStream> dialer;
  std::unique_ptr<SimStream> listener;
  std::weak_ptr<SimConnection> connection;
};
[[nodiscard]] SimPair connect_sim(SimLoop& loop, std::shared_ptr<const SimLink> link,
                                  std::uint64_t seed);

// Lets arrive what a frozen link has held back.
void resume_sim(SimConnection& connection);
// Resets both ends at once, as when the listener's machine loses its power and comes back.
void break_sim(SimConnection& connection);

}  // namespace rocket
