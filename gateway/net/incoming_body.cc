#include "net/incoming_body.h"

#include <utility>

namespace rocket {
namespace {

// So much has to arrive within body_time. The time that its reader takes is not the client's.
constexpr std::uint64_t timed_piece = 1024 * 1024;

}  // namespace

Task<Result<IncomingBody::Pieces>> IncomingBody::read() {
  if (!std::exchange(begun_, true)) {
    const auto asked = ask_for_it();
    if (!asked) co_return std::unexpected(asked.error());
    with_head_ = std::exchange(source_.input, {});
    const auto pieces = take(with_head_);
    if (!pieces || !pieces->empty()) co_return pieces;
  }
  source_.parser.drop_body();
  while (!whole()) {
    ByteStream& stream = source_.stream;
    const IoResult got =
        stream.empty() ? IoResult::would_block() : stream.try_read(source_.io.scratch);
    if (got.status == IoResult::Status::done) {
      const auto pieces = take({source_.io.scratch.data(), got.bytes});
      if (!pieces || !pieces->empty()) co_return pieces;
    } else if (got.status != IoResult::Status::would_block) {
      co_return fail(ErrorCode::client_gone);
    }
    if (whole()) break;
    const TimePoint began = source_.io.timers.now();
    const Wake wake = co_await stream.readable(deadline_after(began, source_.body_time - waited_));
    waited_ += source_.io.timers.now() - began;
    if (wake == Wake::timed_out || waited_ >= source_.body_time) {
      co_return fail(ErrorCode::body_timeout,
                     "the request's body did not arrive in time (limits.body_time for each MiB)");
    }
  }
  co_return Pieces{};
}

Result<IncomingBody::Pieces> IncomingBody::take(std::string_view data) {
  const auto consumed = source_.parser.feed(data);
  if (!consumed) return std::unexpected(consumed.error());
  if (whole()) {
    source_.input.assign(data.substr(*consumed));
    source_.response.set_keep_alive(source_.keep_alive);
  }
  const Pieces pieces = source_.parser.body();
  for (const std::string_view piece : pieces)
    bytes_ += piece.size();
  if (bytes_ - timed_bytes_ >= timed_piece) {
    timed_bytes_ = bytes_;
    waited_ = {};
  }
  return pieces;
}

Result<void> IncomingBody::ask_for_it() {
  if (!source_.head.expect_continue || !source_.input.empty()) return {};
  source_.response.send_continue();
  // A few bytes into an empty buffer: what does not go out at once has nowhere to go.
  if (source_.response.blocked() || !source_.response.alive()) {
    return fail(ErrorCode::client_gone);
  }
  return {};
}

}  // namespace rocket
