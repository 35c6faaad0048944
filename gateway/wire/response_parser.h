#pragma once

#include <string_view>
#include <utility>

#include "wire/http_parser.h"

namespace rocket {

// Reads an upstream's HTTP/1.0 and HTTP/1.1 answers. What is malformed, or could be read in two
// ways, is upstream_garbage: an answer we are not sure of is not passed on, and the connection
// it came on is not used again. Interim answers (1xx) are skipped, ten at most.
//
//   expect(), feed() until state() is body or complete, look at head(), feed() until complete,
//   reset(). When the upstream closes: feed_end().
class ResponseParser final : public HttpParser {
 public:
  explicit ResponseParser(HttpLimits limits);

  // Which request the next answer is for: one to HEAD has no body, whatever its head says.
  void expect(bool head_request) { head_request_ = head_request; }

  // The upstream closed. The answer is complete if it was to end so, else upstream_closed.
  [[nodiscard]] Result<void> feed_end();

  // Means something once state() is no longer `head`.
  [[nodiscard]] const ResponseHead& head() const { return head_; }
  // For whoever keeps the head longer than the parser; head() is empty from then on.
  [[nodiscard]] ResponseHead take_head() { return std::exchange(head_, {}); }

  // The same for the headers alone.
  void drop_headers() { head_.headers = {}; }

  // Begin the next message, to another method than HEAD unless expect() says otherwise. Holds no
  // memory then beyond the object itself.
  void reset();

 private:
  [[nodiscard]] static const llhttp_settings_t& settings();
  static int on_status(llhttp_t* llhttp, const char* at, std::size_t size);

  [[nodiscard]] Result<State> finish_head() override;
  // They go no further, whatever they say.
  [[nodiscard]] Result<void> judge_trailer(std::string_view /*name*/) const override { return {}; }
  [[nodiscard]] Error malformed(llhttp_errno_t code, std::string_view reason) const override;

  [[nodiscard]] Result<void> judge_start_line() const;
  [[nodiscard]] Result<void> judge_transfer_encoding() const;

  ResponseHead head_;
  bool head_request_ = false;
  bool ends_with_connection_ = false;
  int interim_heads_ = 0;
};

}  // namespace rocket
