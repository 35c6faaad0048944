#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_budget.h"
#include "policy/router.h"
#include "proxy/call.h"
#include "proxy/interpreter.h"
#include "proxy/media_files.h"
#include "proxy/response_history.h"
#include "schema/openai_request.h"

namespace rocket {

// What one attempt sends, but for its head. It does not move: the pieces point into it.
struct Outgoing {
  Outgoing() = default;
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  void clear() {
    pieces = {};
    edits = {};
    written = {};
    hold = {};
  }

  bool translated = false;
  bool over_budget = false;              // there is no room for it: it can not be sent
  std::string_view path;                 // behind the endpoint's base path
  std::string_view query;                // the client's, if it is asked in its own words
  std::vector<std::string_view> pieces;  // the body
  TranslationLoss loss;                  // what the upstream is not told, or in another way
  std::vector<Edit> edits;
  JsonPieces written;
  ByteBudget::Hold hold;  // for what is written
};

// How one request is put to any backend, and how its client is spoken to: whether bytes pass or
// are translated, in which dialect, and what of it can not be carried over.
//
// The request is read as a conversation only if a backend of its route speaks none of the
// client's dialect.
class Dialog {
 public:
  // Both outlive it.
  Dialog(const Call& call, const OpenAiRequest& request)
      : call_(call), request_(request), media_(call, request) {}

  // Takes those out of the route who can not be asked this at all or not for so many choices, who
  // are to be sent no addresses of files where there are some, and under x-rocket-strict those who
  // could not be told all of it. Errors, if nobody is left: capability_missing, media_url_refused,
  // invalid_field naming what is too much or would be lost; besides those of the dialect's reader,
  // and overloaded if the byte budget has no room for what was read.
  [[nodiscard]] Result<void> open(Route& route, const Snapshot& snapshot);

  // What the request continues and refers to, of what is kept here. Once open, until close().
  [[nodiscard]] ResponsesContext earlier() const {
    return history_ ? history_->context() : ResponsesContext{};
  }
  [[nodiscard]] bool has_earlier_images() const { return media_.earlier_images(); }

  // Whether the candidate can only be asked once the request's files have been fetched.
  [[nodiscard]] bool wants_media(const Candidate& candidate) const {
    const Snapshot& snapshot = *call_.current()->snapshot;
    return media_.replaces_for(snapshot.backends[candidate.backend]) && !media_.fetched();
  }
  // Fetches them. Failing that, takes those out of the route who can not be asked without them.
  // Errors: those of MediaFiles::fetch.
  [[nodiscard]] Task<Result<void>> fetch_media(Route& route, TimePoint deadline);

  // What `backend` is sent for this candidate of it. Once open; points into the request's body.
  void ask(const Backend& backend, const Candidate& candidate, Outgoing& out) const;
  // Who understands the answer. This outlives it.
  [[nodiscard]] std::unique_ptr<Interpreter> interpreter(const Backend& backend) const;

  // All choices of the request are wanted, and such a backend gives one at a time: each has to be
  // asked for by itself.
  [[nodiscard]] bool asks_one_by_one(const Backend& backend) const;

  // Nothing will be asked any more: gives back what asking needs. The request is still there.
  void close();
  // The answer that the client gets is whole, and its end is about to be sent: what the client may
  // come back to is kept, as it may do so at once.
  void keep(const Interpreter& interpreter) const;

  // The type of the stream that such a backend answers with.
  [[nodiscard]] std::string_view stream_type(const Backend& backend) const;

 private:
  [[nodiscard]] Dialect client() const { return call_.dialect; }
  [[nodiscard]] bool can_be_asked(const Backend& backend) const;
  [[nodiscard]] bool translated(const Backend& backend) const;
  [[nodiscard]] Dialect dialect_for(const Backend& backend) const;
  [[nodiscard]] bool says_what_is_unsealed() const;
  [[nodiscard]] Result<void> keep_countable(Route& route, const Snapshot& snapshot) const;
  [[nodiscard]] bool may_be_changed() const;
  void change_for(const Backend& backend, Outgoing& out) const;
  [[nodiscard]] Result<void> begin_translation(std::string_view model);
  [[nodiscard]] Result<void> open_history(Route& route, const Snapshot& snapshot);
  [[nodiscard]] Result<void> read_conversation();
  [[nodiscard]] Result<void> put_files_in();
  [[nodiscard]] Result<void> keep_lossless(Route& route, const Snapshot& snapshot) const;
  [[nodiscard]] AnswerFrame frame() const;

  const Call& call_;
  const OpenAiRequest& request_;
  std::unique_ptr<ResponseHistory> history_;  // of Responses only
  MediaFiles media_;
  // Apart, as most requests and every open stream have none.
  std::unique_ptr<Conversation> conversation_;
  // The same with files instead of their addresses, where somebody is to be sent those.
  std::unique_ptr<Conversation> with_files_;
  ByteBudget::Hold hold_;      // for both
  TranslationLoss read_loss_;  // already lost when it was read
  bool unsealed_ = false;
  std::string echo_;
  std::string model_;
  std::string created_at_;
  std::int64_t created_ = 0;
};

// What a stream of the dialect is called in Content-Type.
[[nodiscard]] std::string_view stream_content_type(Dialect dialect);

}  // namespace rocket
