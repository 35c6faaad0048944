#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/call.h"
#include "proxy/response_store.h"
#include "schema/responses_reader.h"
#include "schema/translation_loss.h"

namespace rocket {

// What one request for a response has to do with those that are kept: what it continues and refers
// to, and whether its own response is to be kept, and as what.
//
// In this order: open(), settle(), begin() for a stream, keep(). One of a request; its call
// outlives it.
class ResponseHistory {
 public:
  explicit ResponseHistory(const Call& call);

  // Finds what the request continues and refers to, if it does. The body has been found to be valid
  // JSON. Errors: previous_response_not_found; response_not_found for an item; invalid_field where
  // responses are not kept, or the conversation has as many as it may, or refers to an item twice;
  // body_too_large if all of it together is larger than a request may be.
  [[nodiscard]] Result<void> open();
  // It needs what is kept here.
  [[nodiscard]] bool refers() const { return !links_.empty() || !items_.empty(); }
  // Views into what is held until release().
  [[nodiscard]] ResponsesContext context() const { return {earlier_, items_}; }

  // Once the request has been read, decides whether its response is to be kept, and takes the wish
  // out of what a backend is told if it is fulfilled here.
  void settle(Conversation& conversation, TranslationLoss& loss);
  [[nodiscard]] bool keeps() const { return keeps_; }
  // Of the response, but for its prefix; part of the ids of its items.
  [[nodiscard]] const std::string& id() const { return id_; }

  // The request is about to be given back, before the response is known: copies what it asked.
  // There may be no room for it; then nothing is kept.
  void begin(std::string_view input);
  // Nothing that was said earlier is needed any more.
  void release();

  // The response as the client is about to be told it; empty: it has failed, or somebody else keeps
  // it. `input` unless begin() was called. Once.
  void keep(std::string_view response, std::string_view input);

 private:
  [[nodiscard]] Result<void> open_conversation(const JsonValue& previous);
  [[nodiscard]] Result<void> open_items(std::string_view input);
  [[nodiscard]] Result<void> open_item(std::string id);
  [[nodiscard]] Result<void> add(std::string_view json);
  [[nodiscard]] Result<void> note_searched(std::uint64_t bytes);
  [[nodiscard]] std::string whole_input(std::string_view input) const;
  [[nodiscard]] TimePoint now() const { return call_.loop().io.timers.now(); }

  const Call& call_;
  ResponseStore* const store_;  // null: nothing is kept
  std::string id_;
  std::string previous_;
  std::uint32_t turns_ = 1;
  std::uint64_t bytes_ = 0;   // of the request, with what it continues and refers to
  std::uint64_t values_ = 0;  // of what it continues and refers to
  std::uint64_t searched_ = 0;
  std::vector<ResponseStore::Link> links_;
  std::vector<EarlierResponse> earlier_;
  std::set<std::string> item_ids_;
  std::vector<ReferredItem> items_;
  std::vector<ResponseStore::Link> item_links_;
  bool keeps_ = false;
  StoredResponse draft_;
};

// The key that a call's responses belong to.
[[nodiscard]] Sha256 response_owner(const Call& call);

}  // namespace rocket
