#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/body.h"
#include "net/connection_pool.h"
#include "net/io.h"
#include "policy/address_guard.h"
#include "proxy/answer_reader.h"
#include "proxy/media_url.h"
#include "schema/attachments.h"

namespace rocket {

// What the fetches of one request have in common. Outlives them.
struct MediaPlan {
  Io& io;
  ByteBudget& bodies;
  const AddressGuard& guard;
  Duration connect;  // to one address
  TimePoint deadline;
  std::uint64_t bytes_left;  // that all of them together may still have
};

// Gets one file from where a client's URL leads, for which nobody has vouched: at most a few
// redirects, each looked at afresh; only addresses that the guard lets, and the one that was looked
// at is the one that is dialled; TLS proven; nothing of the client's sent; an answer only if it is
// said to be, and begins as, a file of the expected kind. Destroying it closes the connection.
class MediaFetch {
 public:
  MediaFetch(MediaPlan& plan, MediaUrl::Kind kind, std::string url)
      : plan_(plan), kind_(kind), url_(std::move(url)) {}
  MediaFetch(const MediaFetch&) = delete;
  MediaFetch& operator=(const MediaFetch&) = delete;

  // Errors: media_url_refused and media_url_failed, which name the host and nothing else of the
  // URL; overloaded.
  [[nodiscard]] Task<Result<void>> run();

  // After success.
  [[nodiscard]] MediaFile file() const { return {type_, base64_.text()}; }

 private:
  [[nodiscard]] Task<Result<void>> follow();
  [[nodiscard]] Task<Result<ConnectionPool::Lease>> connect(const MediaLocation& to);
  // The Location of a redirect; empty: the file is there.
  [[nodiscard]] Task<Result<std::string>> ask(const MediaLocation& at);
  [[nodiscard]] Task<Result<void>> read_body(AnswerReader& reader);
  [[nodiscard]] Task<Result<void>> next_step(AnswerReader& reader);
  [[nodiscard]] Result<std::string> judge_head(const ResponseHead& head);
  [[nodiscard]] Result<void> take(std::string_view bytes);
  [[nodiscard]] Result<void> judge_type();
  [[nodiscard]] Result<void> finish();
  [[nodiscard]] std::unexpected<Error> too_large() const;

  MediaPlan& plan_;
  MediaUrl::Kind kind_;
  std::string url_;
  std::string_view type_;
  std::array<char, media_signature_bytes> signature_{};
  size_t signature_size_ = 0;
  Base64Encoder encoder_;
  Body base64_;
};

}  // namespace rocket
