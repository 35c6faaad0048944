#pragma once

#include <memory>
#include <string>
#include <vector>

#include "testing/sim_gateway.h"
#include "testing/simulation_dialect.h"
#include "testing/simulation_plan.h"

namespace rocket {

// A client's request of a simulated life: what it asks for, and whether it got that.
//
// Every request asks the fakes for words and texts of its own, so that what belongs to another
// request, comes twice or is missing is seen in its answer.
class SimAsked {
 public:
  // Draws one, the `number`-th.
  SimAsked(SimDice& dice, SimDice& later, const SimPlan& plan, std::uint64_t number);
  // One of several that ask for vectors in the same way, so that they may share a call.
  SimAsked(SimDice& dice, const SimPlan& plan, std::uint64_t number);

  void send(SimGateway& gateway) { request_ = gateway.send(bytes_); }
  void hang_up(TimePoint now);

  [[nodiscard]] const std::string& id() const { return id_; }
  // The backend that it wants; empty: any.
  [[nodiscard]] const std::string& hint() const { return hint_; }
  // Empty: it names none.
  [[nodiscard]] const std::string& model() const { return model_; }
  // Null: it shows none, or none that is known.
  [[nodiscard]] const KeyConfig* key() const { return key_; }
  [[nodiscard]] const SimRequest& request() const { return *request_; }
  [[nodiscard]] bool streamed() const { return stream_; }
  [[nodiscard]] bool embeddings() const { return embeddings_; }
  // Of a right answer in words.
  [[nodiscard]] std::int64_t tokens() const { return tokens_; }
  [[nodiscard]] bool live() const { return !request_->ended(); }
  // `never`: it did not.
  [[nodiscard]] TimePoint hung_up_at() const { return hung_up_at_; }
  // Something of a stream's content has come.
  [[nodiscard]] bool has_content() const;

  // What is wrong with the answer as it is; empty: nothing.
  [[nodiscard]] std::string wrong() const;
  // The code of an error that is no stream's; empty: it is none, or its dialect has no codes.
  [[nodiscard]] std::string error_code() const;

  TimePoint hang_up_at = never;
  TimePoint content_seen_at = never;

 private:
  void draw_chat(SimDice& dice, SimDice& later, const SimPlan& plan, const std::string& members);
  void draw_embeddings(SimDice& dice, const std::string& members);
  [[nodiscard]] std::string key_line(SimDice& later, const SimPlan& plan);
  [[nodiscard]] std::string path() const;
  [[nodiscard]] std::string wrong_stream() const;
  [[nodiscard]] std::string wrong_error() const;
  [[nodiscard]] std::string wrong_chat(const nlohmann::json& body) const;
  [[nodiscard]] std::string wrong_embeddings(const nlohmann::json& body) const;

  std::string id_;
  std::string hint_;
  std::string model_;
  const KeyConfig* key_ = nullptr;
  Dialect dialect_ = Dialect::chat;
  std::string body_;
  std::string bytes_;
  std::string text_;  // of a right answer
  std::string first_token_;
  std::int64_t tokens_ = 0;
  bool stream_ = false;
  bool embeddings_ = false;
  TimePoint hung_up_at_ = never;
  std::unique_ptr<SimRequest> request_;
};

using AllAsked = std::vector<std::unique_ptr<SimAsked>>;

}  // namespace rocket
