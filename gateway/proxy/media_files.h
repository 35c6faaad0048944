#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/router.h"
#include "proxy/call.h"
#include "proxy/media_fetch.h"
#include "schema/conversation.h"
#include "schema/openai_request.h"

namespace rocket {

// The files that one request names by their addresses: whom that keeps from being asked, and the
// files themselves for those who are to be sent them. Fetched once, whoever asks for them.
class MediaFiles {
 public:
  // Both outlive it.
  MediaFiles(const Call& call, const OpenAiRequest& request) : call_(call), request_(request) {}
  ~MediaFiles();

  // Besides, those of what is said again in front of the request, which outlives this: valid JSON.
  void add_earlier(std::string_view json);
  // Images came with that, by their addresses or not.
  [[nodiscard]] bool earlier_images() const { return earlier_images_; }
  // There are any.
  [[nodiscard]] bool any() const { return !urls().empty() || !earlier_.empty(); }
  // `backend` is not to see addresses but files.
  [[nodiscard]] bool replaces_for(const Backend& backend) const {
    return any() && backend.media_urls == MediaUrls::fetch;
  }

  // Takes those out of the route who are to be sent no addresses, and tells the receipt.
  // media_url_refused if nobody is left.
  [[nodiscard]] Result<void> keep_who_may(Route& route, const Snapshot& snapshot) const;

  // Gets all of them, at once as far as there is room, within timeouts.media. Errors: those of
  // MediaFetch, which name the field and the remedy; once failed, it is over.
  [[nodiscard]] Task<Result<void>> fetch(TimePoint deadline);
  [[nodiscard]] bool fetched() const { return fetched_; }

  // Put where their addresses stand: in the body, or in what was read of it. Before they have been
  // fetched there stand files of nothing.
  void append_edits(std::vector<Edit>& edits) const;
  void put_into(Conversation& conversation) const;

  // Nobody needs them any more.
  void clear();

 private:
  // An address and its file, however often it is named.
  struct One {
    std::string_view raw;
    MediaUrl::Kind kind;
    std::string place;  // where it is named first
    std::unique_ptr<MediaFetch> fetch;
    std::optional<Result<void>> result;
  };

  struct Earlier {
    std::string_view json;
    Attachments found;
  };

  [[nodiscard]] std::span<const MediaUrl> urls() const { return request_.attachments.urls; }
  [[nodiscard]] std::string_view body() const { return call_.request().body.text(); }
  [[nodiscard]] Result<void> gather();
  [[nodiscard]] Result<void> gather(const MediaUrl& url, std::string_view raw, std::string place);
  [[nodiscard]] bool names(std::string_view raw) const;
  [[nodiscard]] Task<void> fetch_one(One& one, WaitSlot& ended);
  [[nodiscard]] const Error* first_error() const;
  [[nodiscard]] std::optional<MediaFile> find(std::string_view raw, MediaUrl::Kind kind) const;
  void put_into(std::vector<Part>& parts) const;
  [[nodiscard]] std::string place_of(const MediaUrl& url) const;

  const Call& call_;
  const OpenAiRequest& request_;
  std::vector<Earlier> earlier_;
  std::unique_ptr<MediaPlan> plan_;
  std::vector<One> files_;
  bool earlier_images_ = false;
  bool fetched_ = false;
};

}  // namespace rocket
