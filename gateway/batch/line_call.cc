#include "batch/line_call.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "proxy/error_response.h"
#include "proxy/exchange.h"
#include "schema/rate_limits.h"
#include "wire/json.h"
#include "wire/response_parser.h"

namespace rocket {
namespace {

constexpr std::array batch_operations{Operation::chat_completions, Operation::completions,
                                      Operation::embeddings, Operation::responses};

// An exchange writes its own head, which holds our lines and those that are passed on.
HttpLimits head_limits(const LimitsConfig& limits) {
  return {2 * limits.header_bytes.bytes, 2 * limits.headers, limits.target_bytes.bytes};
}

// The client of one request: takes all of the answer at once, out of the budget of bodies.
class AnswerTaker final : public ByteStream {
 public:
  AnswerTaker(LoopState& loop, const LimitsConfig& limits)
      : ByteStream(loop.io.timers), bodies_(loop.bodies), parser_(head_limits(limits)) {}

  [[nodiscard]] IoResult try_read(std::span<char>) override { return IoResult::would_block(); }
  [[nodiscard]] IoResult try_write(std::span<const iovec> pieces) override {
    std::size_t bytes = 0;
    for (const iovec& piece : pieces) {
      if (!take({static_cast<const char*>(piece.iov_base), piece.iov_len})) {
        return IoResult::failed();
      }
      bytes += piece.iov_len;
    }
    return IoResult::done(bytes);
  }
  [[nodiscard]] std::string peer() const override { return {}; }

  [[nodiscard]] bool whole() const { return parser_.state() == ResponseParser::State::complete; }
  [[nodiscard]] const ResponseHead& head() const { return parser_.head(); }
  [[nodiscard]] Body take_body() { return std::move(body_); }

 private:
  [[nodiscard]] bool take(std::string_view bytes) {
    while (!bytes.empty() && !whole()) {
      const auto fed = parser_.feed(bytes);
      if (!fed) return false;
      for (const std::string_view piece : parser_.body()) {
        if (!body_.append(bodies_, piece)) return false;
      }
      bytes.remove_prefix(*fed);
    }
    return true;
  }

  ByteBudget& bodies_;
  ResponseParser parser_;
  Body body_;
};

LineAnswer refused(LoopState& loop, int status, const Error& error) {
  LineAnswer answer{.status = status};
  const std::string text = write_error_body(Dialect::chat, told(error, {}));
  static_cast<void>(answer.body.append(loop.bodies, text));
  return answer;
}

bool has_code(std::string_view body, std::span<const ErrorCode> codes) {
  const auto error = json_find(body, "error");
  if (!error || error->kind != JsonKind::object) return false;
  const auto code = json_find(error->text, "code");
  return code &&
         std::ranges::any_of(codes, [&](ErrorCode one) { return code->string_is(to_string(one)); });
}

// No backend has been told of it: whoever was chosen could not be reached.
bool unreached(std::string_view body) {
  constexpr std::array codes{ErrorCode::connect_refused, ErrorCode::connect_failed,
                             ErrorCode::connect_timeout, ErrorCode::no_backend};
  return has_code(body, codes);
}

// Which models a server has is known once it has been heard of.
bool unsettled(const Snapshot& snapshot, std::string_view body) {
  constexpr std::array codes{ErrorCode::model_not_found};
  return has_code(body, codes) &&
         std::ranges::any_of(snapshot.backends, [](const Backend& backend) {
           return std::ranges::any_of(backend.endpoints, [](const auto& endpoint) {
             return !is_alive(endpoint->verdict);
           });
         });
}

LineAnswer read_answer(LoopState& loop, const Call& call, AnswerTaker& taker) {
  // No room for what was said.
  if (!taker.whole()) return refused(loop, 503, {ErrorCode::overloaded, {}});
  LineAnswer answer{.status = taker.head().status,
                    .request_id = call.id(),
                    .asked = call.account().attempts != 0,
                    .backend = std::string(call.account().backend)};
  answer.body = taker.take_body();
  if (answer.status == 503 || answer.status == 504) {
    answer.nobody = unreached(answer.body.text());
    answer.asked = answer.asked && !answer.nobody;
  }
  if (answer.status == 404) {
    answer.unsettled = unsettled(*call.current()->snapshot, answer.body.text());
  }
  if (answer.status == 429) answer.concurrent_limit = read_concurrent_limit(taker.head().headers);
  if (const auto lost = taker.head().headers.find("x-rocket-translation")) {
    answer.translation = *lost;
  }
  if (const auto after = taker.head().headers.find("retry-after")) {
    std::uint32_t seconds = 0;
    const auto read = std::from_chars(after->data(), after->data() + after->size(), seconds);
    if (read.ec == std::errc()) answer.retry_after = std::chrono::seconds(seconds);
  }
  return answer;
}

}  // namespace

Task<LineAnswer> ask_line(LoopState& loop, LineQuestion question) {
  // Its key belongs to the configuration that the call begins with.
  const Snapshot& snapshot = *loop.current->snapshot;
  const Key* const key = snapshot.keys ? snapshot.keys->named(question.owner) : nullptr;
  if (snapshot.keys && key == nullptr) {
    co_return refused(
        loop, 401,
        {ErrorCode::invalid_api_key, "the API key that asked for this is not known any more"});
  }
  Request request;
  request.head.method = Method::post;
  request.head.target = upstream_path(question.operation);
  request.head.headers.add("x-rocket-lane", to_string(Lane::batch));
  if (!question.backend.empty()) request.head.headers.add("x-rocket-backend", question.backend);
  if (question.strict) request.head.headers.add("x-rocket-strict", "1");
  request.head_at = loop.io.timers.now();
  request.complete_at = request.head_at;
  request.body.expect(question.body.size());
  if (!request.body.append(loop.bodies, question.body)) {
    co_return refused(loop, 503, {ErrorCode::overloaded, {}});
  }
  AnswerTaker taker(loop, snapshot.config.limits);
  ResponseWriter response(taker, request.head, true, Duration::max());
  Call call(loop, request, response);
  call.operation = question.operation;
  call.dialect = dialect_of(question.operation);
  call.target.path = request.head.target;
  call.cors = false;
  call.takes_turns = question.takes_turns;
  if (key != nullptr) call.identify(*key);
  Exchange exchange(call);
  co_await exchange.run();
  co_return read_answer(loop, call, taker);
}

std::optional<Operation> batch_operation(std::string_view endpoint) {
  for (const Operation operation : batch_operations) {
    if (upstream_path(operation) == endpoint) return operation;
  }
  return std::nullopt;
}

}  // namespace rocket
