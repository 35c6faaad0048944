#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http_connection.h"
#include "proxy/loop_state.h"
#include "proxy/passed_headers.h"
#include "schema/openai_answer.h"
#include "schema/operation.h"
#include "telemetry/outcome.h"
#include "wire/target.h"

namespace rocket {

struct OpenAiRequest;
struct Route;

// What the access log and the metrics say of one request. Written as it becomes known.
// Its words belong to what the call's current() holds, or to nobody.
struct Account {
  std::string_view route;
  std::string_view model;  // that answers, or was asked last; before that, the route's name
  std::string_view backend;
  std::string_view endpoint;
  Outcome outcome = Outcome::cancelled;
  Blame blame = Blame::client;
  std::optional<ErrorCode> error;  // that was sent as a whole answer
  unsigned attempts = 0;
  Duration queue{};  // waited for a place, all attempts together
  std::optional<Duration> first_token;
  std::optional<Usage> usage;
  std::string_view key;   // its name
  std::string_view lane;  // where it is known
};

// One request on its way through a port: what was asked, where the answer goes, and the account
// of it, which a request that goes to a backend also has a receipt for. The account is closed by
// the destructor, so that a request whose client has hung up and whose coroutine is destroyed is
// logged and counted like any other.
class Call {
 public:
  Call(LoopState& loop, Request& request, ResponseWriter& response);
  // One choice of several that a client asks for at once: a request of ours, of the same bytes,
  // with the id, the receipt and the key of the `whole`, which is counted, logged and keeps the
  // limits for it. All outlive it.
  struct Part {
    const OpenAiRequest& request;
    const Route& route;  // who may answer it
    std::uint32_t index;
  };
  Call(Call& whole, const Part& part, ResponseWriter& response);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call();

  [[nodiscard]] LoopState& loop() const { return loop_; }
  [[nodiscard]] const Request& request() const { return request_; }
  [[nodiscard]] ResponseWriter& response() { return response_; }
  // Ours, or the client's own if it is fit to be passed on (section 18 of the design).
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::shared_ptr<const Current>& current() const { return current_; }
  [[nodiscard]] Account& account() { return account_; }
  [[nodiscard]] const Account& account() const { return account_; }
  // Works from what the loop has learnt of its endpoints since the call began. False: it has
  // another configuration by now, which the call does not change to.
  bool take_up_models();
  // For an account with words that belong to another Current.
  void keep(std::shared_ptr<const Current> words) { kept_ = std::move(words); }

  // From here on, if not before, the request has a receipt, and if traces are sent, a place in a
  // trace.
  void open_receipt();
  // Null: none was opened, or too many requests are under way.
  [[nodiscard]] Receipt* receipt() const { return receipt_; }
  // Rocket's own time since the loop woke up is told the receipt.
  void note_gateway_time();

  // Whose request it is: a key of current()'s snapshot.
  void identify(const Key& key);
  // A request of ours on behalf of several of one key (null: none was asked for), each of which is
  // counted, logged and has a receipt itself.
  void act_for(const Key* key) {
    if (key != nullptr) identify(*key);
    ours_ = true;
    quiet = true;
  }
  // Null: it is no part of another.
  [[nodiscard]] const Part* part() const { return part_; }
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
  // A refusal because so many at once are all there may be, for its key here or ours at a backend:
  // a 429 says so.
  void note_concurrent_limit(std::optional<std::uint32_t> most) { concurrent_limit_ = most; }
  // Whether the upstream's rate limits are the client's business: not if it has some of ours.
  [[nodiscard]] UpstreamLimits upstream_limits() const;

  Target target;
  Operation operation = Operation::none;
  // What the client speaks, and is told errors in.
  Dialect dialect = Dialect::chat;
  // What stands behind a prefix route: the id in /v1/models/ID.
  std::string parameter;
  bool cors = true;    // this port answers web pages, if the configuration allows any
  bool quiet = false;  // not worth an access line: health checks
  // Whoever makes it asks less when so many at once are too many: nobody has to stay away then.
  bool takes_turns = false;

  // x-request-id, what is left of the key's limits and, for an allowed origin, what CORS asks for.
  [[nodiscard]] std::string common_lines() const;

  // Whole answers. The account says ok, or what the error means. A large one is paid for out of the
  // budget of bodies, and if that has no room the answer is a 503: the client may not take it.
  void send_json(int status, std::string_view body, std::string_view more_lines = {});
  void send_text(int status, std::string_view body,
                 std::string_view content_type = "text/plain; charset=utf-8");
  // A 503 has Retry-After: a second, where `more_lines` says nothing.
  void send_error(const Error& error, std::string_view more_lines = {});
  // Until when the client has to have taken an answer that is held for it: however steadily it
  // takes a little, no longer than an exchange may last.
  [[nodiscard]] TimePoint taken_by() const;
  // After a stream's commit nothing is sent again: gives the request's body back to the budget,
  // and the memory of its headers. The whole has those of its parts.
  void drop_request();
  // How long whoever waits for a stream may hear nothing; zero: for ever.
  [[nodiscard]] Duration heartbeat() const;
  // x-rocket-strict: an answer is wanted only of who can be told all that is asked.
  [[nodiscard]] bool is_strict() const;
  // Of a body that was read while it was handled.
  void count_bytes_in(std::uint64_t bytes) { bytes_in_ = bytes; }
  // For the account of an answer that was sent otherwise.
  void close_account(Outcome outcome, Blame blame);

 private:
  void end_cut();
  struct End {
    int status;
    Duration total;
    WallTime at;
  };
  void count(int status);
  void log(const End& end);
  void place_in_trace();
  void close_receipt(const End& end);
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
  std::shared_ptr<const Current> kept_;
  Receipt* receipt_ = nullptr;
  const Key* key_ = nullptr;
  const Part* part_ = nullptr;
  bool ours_ = false;
  bool limited_ = false;  // the request is one that the key's limits count
  std::optional<KeyLimits::Hold> hold_;
  std::optional<Duration> limits_wait_;
  std::optional<std::uint32_t> concurrent_limit_;
  std::uint64_t bytes_in_;
  std::string trace_state_;  // the caller's, in a trace that is sent
  std::string sent_body_;    // what the writer has not sent yet
  ByteBudget::Hold sent_hold_;
};

}  // namespace rocket
