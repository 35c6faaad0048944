#pragma once

#include <span>

#include "proxy/attempt.h"
#include "proxy/stream_reply.h"

namespace rocket {

// Carries a stream that has begun from an upstream to its client, event by event: forwarded as
// they arrive, written once per upstream read, never more than one read ahead of the client.
class Relay {
 public:
  Relay(const AttemptPlan& plan, Attempt& attempt) : plan_(plan), attempt_(attempt) {}

  // Until the stream has ended well, or the error that has to be told to the client: client_gone
  // if there is nobody to tell. What came before the error has been sent.
  [[nodiscard]] Task<Result<void>> run();

 private:
  void send_held();
  void send(std::span<const std::string_view> pieces);
  [[nodiscard]] Result<void> take_events();
  [[nodiscard]] TimePoint wake_at() const;
  [[nodiscard]] Task<Result<void>> wait_longer();

  const AttemptPlan& plan_;
  Attempt& attempt_;
  TimePoint last_event_{};
};

}  // namespace rocket
