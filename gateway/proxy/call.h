#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/http_connection.h"
#include "proxy/loop_state.h"
#include "proxy/passed_headers.h"
#include "schema/openai_answer.h"
#include "schema/operation.h"
#include "telemetry/outcome.h"
#include "wire/target.h"

namespace rocket {

// What the access log and the metrics say of one request. Written as it becomes known.
struct Account {
  std::string route;
  std::string model;
  std::string backend;
  std::string endpoint;
  Outcome outcome = Outcome::cancelled;
  Blame blame = Blame::client;
  unsigned attempts = 0;
  Duration queue{};  // waited for a place, all attempts together
  std::optional<Duration> first_token;
  std::optional<Usage> usage;
  std::string_view key;   // its name
  std::string_view lane;  // where it is known
};

// One request on its way through a port: what was asked, where the answer goes, and the account
// of it. The account is closed by the destructor, so that a request whose client has hung up
// and whose coroutine is destroyed is logged and counted like any other.
class Call {
 public:
  Call(LoopState& loop, Request& request, ResponseWriter& response);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call();

  [[nodiscard]] LoopState& loop() { return loop_; }
  [[nodiscard]] const Request& request() const { return request_; }
  [[nodiscard]] ResponseWriter& response() { return response_; }
  // Ours, or the client's own if it is fit to be passed on (section 18 of the design).
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::shared_ptr<const Current>& current() const { return current_; }
  [[nodiscard]] Account& account() { return account_; }

  // Whose request it is: a key of current()'s snapshot.
  void identify(const Key& key);
  // The same for a request of ours on behalf of several, each of which has been counted already.
  void act_for(const Key& key) {
    identify(key);
    counted_elsewhere_ = true;
  }
  // Tells keys apart; null: none was asked for.
  [[nodiscard]] const Key* key() const { return key_; }
  // The lane of its key, or of what it asks for; the header x-rocket-lane can only lower it. The
  // account has it from then on.
  [[nodiscard]] Result<Lane> lane();
  // What its key may ask for; without one, anything.
  [[nodiscard]] const KeyScope& key_scope() const;
  // Lets the request begin, as far as the key's limits go; its end and its tokens are counted when
  // the call ends; asked again, it has begun already. Else rate_limit_exceeded, and limits_wait()
  // says how long to stay away. The body has been found to be valid JSON.
  [[nodiscard]] Result<void> take_limits();
  [[nodiscard]] std::optional<Duration> limits_wait() const { return limits_wait_; }
  // Whether the upstream's rate limits are the client's business: not if it has some of ours.
  [[nodiscard]] UpstreamLimits upstream_limits() const;

  Target target;
  Operation operation = Operation::none;
  // What stands behind a prefix route: the id in /v1/models/ID.
  std::string parameter;
  bool cors = true;    // this port answers web pages, if the configuration allows any
  bool quiet = false;  // not worth an access line: health checks

  // x-request-id, what is left of the key's limits and, for an allowed origin, what CORS asks for.
  [[nodiscard]] std::string common_lines() const;

  // Whole answers. The account says ok, or what the error means.
  void send_json(int status, std::string_view body, std::string_view more_lines = {});
  void send_text(int status, std::string_view body,
                 std::string_view content_type = "text/plain; charset=utf-8");
  void send_error(const Error& error, std::string_view more_lines = {});
  // After a stream's commit nothing is sent again: gives the request's body back to the budget,
  // and the memory of its headers.
  void drop_request();
  // For the account of an answer that was sent otherwise.
  void close_account(Outcome outcome, Blame blame);

 private:
  void settle_limits();
  void append_cors(std::string& lines) const;
  void send_whole(int status, std::string lines, std::string_view content_type,
                  std::string_view body);

  LoopState& loop_;
  std::shared_ptr<const Current> current_;
  Request& request_;
  ResponseWriter& response_;
  std::string id_;
  Account account_;
  const Key* key_ = nullptr;
  bool counted_elsewhere_ = false;
  bool limited_ = false;  // the request is one that the key's limits count
  std::optional<KeyLimits::Hold> hold_;
  std::optional<Duration> limits_wait_;
  std::uint64_t bytes_in_;
  std::string sent_body_;  // what the writer has not sent yet
};

}  // namespace rocket
