#include "testing/sim_stream.h"

#include <algorithm>
#include <array>
#include <deque>

#include "base/assert.h"

namespace rocket {

// What both ends share. A direction is named by the side that writes into it.
class SimConnection : public std::enable_shared_from_this<SimConnection> {
 public:
  using Side = SimStream::Side;

  SimConnection(SimLoop& loop, std::shared_ptr<const SimLink> link, std::uint64_t seed)
      : loop_(loop), link_(std::move(link)), random_(seed) {}

  void attach(Side side, SimStream& stream) { at(side).stream = &stream; }

  IoResult read(Side side, std::span<char> into);
  IoResult write(Side side, std::span<const iovec> pieces);
  void end_writing(Side side);
  void close(Side side);
  void reset(Side side);
  void break_both();
  void thaw();
  [[nodiscard]] bool has_unread(Side side) const { return !at(other(side)).arrived.empty(); }

 private:
  enum class Kind : unsigned char { bytes, end, reset };
  struct Segment {
    TimePoint arrival;
    Kind kind;
    std::string bytes;
  };
  struct End {
    SimStream* stream = nullptr;  // none: closed
    bool broken = false;
    // Of the direction that this end writes into:
    std::deque<Segment> under_way;
    std::string arrived;
    bool end_sent = false;
    bool end_arrived = false;
    std::uint64_t sent = 0;
    std::size_t held = 0;      // counts against the buffer
    std::size_t withheld = 0;  // read by the peer, but a frozen link does not tell
    TimePoint busy_until{};    // with a bounded rate: when the last byte will have left
  };

  [[nodiscard]] static Side other(Side side) {
    return side == Side::dialer ? Side::listener : Side::dialer;
  }
  [[nodiscard]] End& at(Side side) { return ends_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] const End& at(Side side) const { return ends_[static_cast<std::size_t>(side)]; }

  // Calls `method` after one latency, if the connection is still there.
  template <class... Parameters, class... Arguments>
  void later(void (SimConnection::*method)(Parameters...), Arguments... arguments) {
    loop_.at(loop_.now() + link_->latency, [self = weak_from_this(), method, arguments...] {
      if (const auto connection = self.lock()) ((*connection).*method)(arguments...);
    });
  }

  void send(Side side, Kind kind, const std::string& bytes);
  void deliver(Side side);
  void credit(Side side, std::size_t bytes);
  void break_end(Side side);

  SimLoop& loop_;
  std::shared_ptr<const SimLink> link_;
  Random random_;
  std::array<End, 2> ends_;
};

IoResult SimConnection::read(Side side, std::span<char> into) {
  ROCKET_ASSERT(!into.empty());
  End& writer = at(other(side));
  if (writer.arrived.empty()) {
    if (at(side).broken) return IoResult::failed();
    return writer.end_arrived ? IoResult::end() : IoResult::would_block();
  }
  std::size_t bytes = std::min(into.size(), writer.arrived.size());
  if (link_->split_reads) bytes = 1 + random_.uniform(bytes);
  writer.arrived.copy(into.data(), bytes);
  writer.arrived.erase(0, bytes);
  later(&SimConnection::credit, other(side), bytes);
  return IoResult::done(bytes);
}

IoResult SimConnection::write(Side side, std::span<const iovec> pieces) {
  ROCKET_ASSERT(pieces.size() <= 64);
  End& end = at(side);
  ROCKET_ASSERT(!end.end_sent);
  if (end.broken) return IoResult::failed();
  std::size_t room = link_->buffer_bytes - std::min(end.held, link_->buffer_bytes);
  if (room == 0) return IoResult::would_block();
  std::string bytes;
  for (const iovec& piece : pieces) {
    const std::size_t part = std::min(piece.iov_len, room);
    bytes.append(static_cast<const char*>(piece.iov_base), part);
    room -= part;
  }
  ROCKET_ASSERT(!bytes.empty());
  const std::size_t taken = bytes.size();
  end.held += taken;
  const bool cut =
      side == Side::listener && link_->reset_after && end.sent + taken >= *link_->reset_after;
  if (cut) bytes.resize(*link_->reset_after - std::min(end.sent, *link_->reset_after));
  end.sent += taken;
  send(side, Kind::bytes, bytes);
  if (cut) {
    send(side, Kind::reset, {});
    later(&SimConnection::break_end, side);
  }
  return IoResult::done(taken);
}

// In pieces that take a twentieth of a second at a bounded rate, so that slow bytes drip.
void SimConnection::send(Side side, Kind kind, const std::string& bytes) {
  End& end = at(side);
  const std::uint64_t rate = link_->bytes_per_second;
  const std::size_t piece_bytes = rate == 0 ? bytes.size() : std::max<std::size_t>(1, rate / 20);
  end.busy_until = std::max(end.busy_until, loop_.now());
  std::size_t offset = 0;
  do {
    std::string piece = bytes.substr(offset, piece_bytes);
    offset += piece.size();
    if (rate != 0) end.busy_until += Duration(1s) * piece.size() / rate;
    TimePoint arrival = end.busy_until + link_->latency;
    if (!end.under_way.empty()) arrival = std::max(arrival, end.under_way.back().arrival);
    end.under_way.push_back({arrival, kind, std::move(piece)});
    loop_.at(arrival, [self = weak_from_this(), side] {
      if (const auto connection = self.lock()) connection->deliver(side);
    });
  } while (offset < bytes.size());
}

void SimConnection::deliver(Side side) {
  End& writer = at(side);
  End& reader = at(other(side));
  while (!link_->frozen && !writer.under_way.empty() &&
         writer.under_way.front().arrival <= loop_.now()) {
    const Segment segment = std::move(writer.under_way.front());
    writer.under_way.pop_front();
    if (segment.kind == Kind::reset) return break_end(other(side));
    if (segment.kind == Kind::end) writer.end_arrived = true;
    if (reader.stream == nullptr) {
      // Nobody is there to take it, and says so.
      if (segment.kind == Kind::bytes) later(&SimConnection::break_end, side);
      continue;
    }
    writer.arrived += segment.bytes;
    if (writer.end_arrived) reader.stream->set_hung_up();
    if (writer.end_arrived || !writer.arrived.empty()) reader.stream->set_readable();
  }
}

void SimConnection::credit(Side side, std::size_t bytes) {
  End& end = at(side);
  if (link_->frozen) {
    end.withheld += bytes;
    return;
  }
  end.held -= bytes;
  if (end.stream != nullptr && end.held < link_->buffer_bytes) end.stream->set_writable();
}

void SimConnection::break_end(Side side) {
  End& end = at(side);
  end.broken = true;
  end.under_way.clear();
  at(other(side)).under_way.clear();
  if (end.stream == nullptr) return;
  end.stream->set_readable();
  end.stream->set_writable();
  end.stream->set_hung_up();
}

void SimConnection::end_writing(Side side) {
  End& end = at(side);
  if (end.end_sent || end.broken) return;
  end.end_sent = true;
  send(side, Kind::end, {});
}

void SimConnection::close(Side side) {
  at(side).stream = nullptr;
  if (!at(other(side)).arrived.empty()) {
    at(other(side)).arrived.clear();
    send(side, Kind::reset, {});
  }
  end_writing(side);
}

void SimConnection::reset(Side side) {
  if (at(side).broken) return;
  break_end(side);
  send(side, Kind::reset, {});
}

void SimConnection::break_both() {
  break_end(Side::dialer);
  break_end(Side::listener);
}

void SimConnection::thaw() {
  for (const Side side : {Side::dialer, Side::listener}) {
    deliver(side);
    credit(side, std::exchange(at(side).withheld, 0));
  }
}

SimStream::SimStream(Timers& timers, std::shared_ptr<SimConnection> connection, Side side)
    : ByteStream(timers), connection_(std::move(connection)), side_(side) {
  readable_ = false;
  connection_->attach(side_, *this);
}

SimStream::~SimStream() {
  connection_->close(side_);
}

IoResult SimStream::try_read(std::span<char> into) {
  const IoResult result = connection_->read(side_, into);
  const bool more = result.status == IoResult::Status::done && connection_->has_unread(side_);
  readable_ = more || hung_up_;
  return result;
}

IoResult SimStream::try_write(std::span<const iovec> pieces) {
  const IoResult result = connection_->write(side_, pieces);
  std::size_t given = 0;
  for (const iovec& piece : pieces)
    given += piece.iov_len;
  const bool all = result.status == IoResult::Status::done && result.bytes == given;
  writable_ = all || result.status == IoResult::Status::failed;
  return result;
}

void SimStream::end_writing() {
  connection_->end_writing(side_);
}

std::string SimStream::peer() const {
  return side_ == Side::dialer ? "listener" : "dialer";
}

void SimStream::reset() {
  connection_->reset(side_);
}

SimPair connect_sim(SimLoop& loop, std::shared_ptr<const SimLink> link, std::uint64_t seed) {
  auto connection = std::make_shared<SimConnection>(loop, std::move(link), seed);
  return {std::make_unique<SimStream>(loop, connection, SimStream::Side::dialer),
          std::make_unique<SimStream>(loop, connection, SimStream::Side::listener), connection};
}

void resume_sim(SimConnection& connection) {
  connection.thaw();
}

void break_sim(SimConnection& connection) {
  connection.break_both();
}

}  // namespace rocket
