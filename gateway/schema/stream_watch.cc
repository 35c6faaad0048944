#include "schema/stream_watch.h"

namespace rocket {

Result<void> StreamWatch::take(const StreamEvent& event) {
  using Kind = StreamEvent::Kind;
  if (event.kind == Kind::text) {
    ++content_events_;
    ++texts_;
  } else if (event.kind == Kind::block_start) {
    if (event.block == Part::Kind::tool_call) ++content_events_;
    thinks_ = event.block == Part::Kind::thinking;
  } else if (event.kind == Kind::block_end) {
    thinks_ = false;
  } else if (event.kind == Kind::ping) {
    if (thinks_) ++content_events_;
  } else if (event.kind == Kind::usage) {
    usage_ = event.usage;
  } else if (event.kind == Kind::stop) {
    ++content_events_;  // how it ended is something as well
  }
  return next_ == nullptr ? Result<void>() : next_->take(event);
}

}  // namespace rocket
