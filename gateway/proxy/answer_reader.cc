#include "proxy/answer_reader.h"

namespace rocket {
namespace {

constexpr Duration read_off_time = std::chrono::seconds(1);

}  // namespace

Result<AnswerReader::Step> AnswerReader::step(std::span<char> scratch) {
  if (lease_.stream().empty()) return Step::blocked;
  const IoResult read = lease_.stream().try_read(scratch);
  switch (read.status) {
    case IoResult::Status::would_block: return Step::blocked;
    case IoResult::Status::failed: return fail(ErrorCode::upstream_closed);
    case IoResult::Status::end: {
      clean_ = false;  // whatever comes of it, the connection is over
      const auto ended = parser_.feed_end();
      if (!ended) return std::unexpected(ended.error());
      return Step::complete;
    }
    case IoResult::Status::done: break;
  }
  answered_ = true;
  std::string_view data(scratch.data(), read.bytes);
  const bool head_was_complete = head_complete();
  auto consumed = parser_.feed(data);
  if (!consumed) return std::unexpected(std::move(consumed.error()));
  data.remove_prefix(*consumed);
  // The parser stops behind the head; what came of the body in the same read is next.
  if (!head_was_complete && head_complete() && !complete()) {
    consumed = parser_.feed(data);
    if (!consumed) return std::unexpected(std::move(consumed.error()));
    data.remove_prefix(*consumed);
  }
  if (!complete()) return Step::progressed;
  if (!data.empty()) clean_ = false;
  return Step::complete;
}

void AnswerReader::release(std::unique_ptr<AnswerReader> reader, Io& io, TaskGroup& group) {
  if (reader->reusable()) {
    reader->lease_.give_back();
  } else if (!reader->complete() && reader->head().keep_alive) {
    group.spawn(read_off(std::move(reader), io));
  }
}

Task<void> AnswerReader::read_off(std::unique_ptr<AnswerReader> reader, Io& io) {
  const TimePoint deadline = io.timers.now() + read_off_time;
  while (true) {
    const auto step = reader->step(io.scratch);
    if (!step) co_return;
    if (*step == Step::complete) break;
    if (*step == Step::progressed) {
      // Only framing may come; a body that goes on is not worth waiting for.
      if (!reader->body().empty()) co_return;
      continue;
    }
    const Wake wake = co_await reader->stream().readable(deadline);
    if (wake == Wake::timed_out) co_return;
  }
  reader->give_back();
}

}  // namespace rocket
