#pragma once

#include <string_view>
#include <utility>

#include "wire/http_parser.h"

namespace rocket {

// Reads HTTP/1.0 and HTTP/1.1 requests, and refuses every one that two readers could take for
// two different things. On top of what llhttp refuses: Host must be there once and be a host,
// Transfer-Encoding must be "chunked" and not in HTTP/1.0, bodies must be unencoded, and one space
// stands between the words of the request line (RFC 9112, 3).
//
//   feed() until state() is body or complete, look at head(), feed() until complete, reset().
//
// A method that nobody knows is Method::other if it has a legal name; only then.
// Trailers and chunk extensions are checked, bounded and dropped.
class RequestParser final : public HttpParser {
 public:
  explicit RequestParser(HttpLimits limits);

  // Means something once state() is no longer `head`.
  [[nodiscard]] const RequestHead& head() const { return head_; }
  // For whoever keeps the head longer than the parser; head() is empty from then on.
  [[nodiscard]] RequestHead take_head() { return std::exchange(head_, {}); }

  // Begin the next message. Holds no memory then beyond the object itself.
  void reset();

 private:
  [[nodiscard]] static const llhttp_settings_t& settings();
  [[nodiscard]] static RequestParser& parser_of(llhttp_t* llhttp);
  static int on_method(llhttp_t* llhttp, const char* at, std::size_t size);
  static int on_method_complete(llhttp_t* llhttp);
  static int on_url(llhttp_t* llhttp, const char* at, std::size_t size);
  static int on_url_complete(llhttp_t* llhttp);
  static int on_version(llhttp_t* llhttp, const char* at, std::size_t size);

  [[nodiscard]] Result<State> finish_head() override;
  [[nodiscard]] Result<void> judge_trailer(std::string_view name) const override;
  [[nodiscard]] Error malformed(llhttp_errno_t code, std::string_view reason) const override;
  [[nodiscard]] std::size_t name_method(std::string_view data, std::size_t from) override;
  [[nodiscard]] Error over_budget() const override;

  // A word of the request line begins there.
  void note_distance(const char* at);

  [[nodiscard]] std::size_t target_budget() const;
  [[nodiscard]] Result<void> judge_headers();
  [[nodiscard]] Result<void> judge_transfer_encoding(std::string_view value) const;

  RequestHead head_;
  std::size_t word_end_ = 0;     // of the request line's last word so far
  bool unknown_method_ = false;  // llhttp has been told of another one instead
  bool target_complete_ = false;
  bool protocol_begun_ = false;
  bool spaces_ = false;  // more than one between two words
};

}  // namespace rocket
