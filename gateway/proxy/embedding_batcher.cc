#include "proxy/embedding_batcher.h"

#include <algorithm>
#include <utility>

#include "proxy/exchange.h"
#include "proxy/passed_headers.h"
#include "wire/http_writer.h"
#include "wire/json.h"

namespace rocket {
namespace {

// So many calls of a sort are made without waiting for company.
constexpr std::size_t free_calls = 2;
// What is longer gains nothing from company.
constexpr std::size_t body_bytes_max = 64 * 1024;

// Where a joined call's answer goes: takes everything at once.
class CaptureStream final : public ByteStream {
 public:
  using ByteStream::ByteStream;
  [[nodiscard]] IoResult try_read(std::span<char>) override { return IoResult::would_block(); }
  [[nodiscard]] IoResult try_write(std::span<const iovec> pieces) override {
    const std::size_t before = bytes.size();
    for (const iovec& piece : pieces)
      bytes.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    return IoResult::done(bytes.size() - before);
  }
  [[nodiscard]] std::string peer() const override { return {}; }

  std::string bytes;
};

// What each of those who shared a call would find out for itself, having waited once more.
bool holds_for_each(ErrorCode code) {
  return code == ErrorCode::no_place || code == ErrorCode::overloaded ||
         code == ErrorCode::total_timeout;
}

// Headers that say how a request is to be answered.
constexpr std::string_view steering_headers[] = {"x-rocket-backend", "x-rocket-lane",
                                                 "x-rocket-session"};

// What those who share a call have in common of what is passed on: a trace is each one's own.
constexpr PassedRequest shared_headers{.trace = PassedTrace::none};

// Of an answer as our own writer makes it.
HeaderList headers_of(std::string_view head) {
  constexpr std::string_view line_end = "\r\n";
  constexpr std::string_view separator = ": ";
  HeaderList headers;
  for (size_t begin = head.find(line_end); begin < head.size();) {
    begin += line_end.size();
    const size_t end = std::min(head.find(line_end, begin), head.size());
    const std::string_view line = head.substr(begin, end - begin);
    const size_t colon = line.find(separator);
    if (colon != line.npos) {
      headers.add(line.substr(0, colon), line.substr(colon + separator.size()));
    }
    begin = end;
  }
  return headers;
}

std::optional<EmbeddingInput> batchable(const Call& call) {
  const auto& config = call.current()->snapshot->config.embedding_batching;
  const std::string_view body = call.request().body.text();
  if (!config.on || body.size() > body_bytes_max) return std::nullopt;
  const auto json = parse_json(body);
  if (!json || json->kind != JsonKind::object) return std::nullopt;
  return read_embedding_input(body, config.inputs);
}

}  // namespace

// A call of a sort, for as long as it lives.
class EmbeddingBatcher::UnderWay {
 public:
  explicit UnderWay(std::shared_ptr<Sort> sort) : sort_(std::move(sort)) { ++sort_->under_way; }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  ~UnderWay();

 private:
  std::shared_ptr<Sort> sort_;
};

// Requests that share a call: gathers, asks, and has the parts ready. Its members own it: when all
// have hung up, the call is called off.
class EmbeddingBatcher::Group : public std::enable_shared_from_this<Group> {
 public:
  Group(LoopState& loop, std::shared_ptr<Sort> sort, const EmbeddingBatchingConfig& config)
      : loop_(loop),
        sort_(std::move(sort)),
        inputs_max_(config.inputs),
        until_(deadline_after(loop.io.timers.now(), config.wait)),
        hurry_(loop.io.timers.run_queue()),
        done_slot_(loop.io.timers.run_queue()),
        task_(loop.io.timers.run_queue()) {
    sort_->open = this;
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() { close(); }

  // Once, when it has an owner.
  void start() { task_.spawn(run()); }
  // No more time for gathering.
  void hurry() { hurry_.signal_one(); }
  [[nodiscard]] bool takes(const EmbeddingInput& input) const {
    return texts_ + input.texts.size() <= inputs_max_;
  }
  // `call` asks for `input`; both stay until the member leaves.
  void join(const Call& call, EmbeddingInput input) {
    texts_ += input.texts.size();
    calls_.push_back(&call);
    inputs_.push_back(std::move(input));
    if (texts_ == inputs_max_) hurry();
  }
  // What is being asked already is asked.
  void leave(const Call& call) {
    const auto found = std::ranges::find(calls_, &call);
    if (asked_ || found == calls_.end()) return;
    const auto at = found - calls_.begin();
    texts_ -= inputs_[static_cast<std::size_t>(at)].texts.size();
    inputs_.erase(inputs_.begin() + at);
    calls_.erase(found);
  }

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] WaitSlot& done_slot() { return done_slot_; }
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }
  // None: it is to be asked alone.
  [[nodiscard]] std::optional<Part> take_part(const Call& call) {
    const auto at = static_cast<std::size_t>(std::ranges::find(calls_, &call) - calls_.begin());
    if (at >= parts_.size()) return std::nullopt;
    Part part = common_;
    part.body = std::move(parts_[at]);
    return part;
  }

 private:
  void close() {
    if (sort_->open == this) sort_->open = nullptr;
  }
  [[nodiscard]] Task<void> run() {
    co_await Wait(loop_.io.timers, hurry_, until_);
    close();
    if (calls_.size() > 1) {
      asked_ = true;
      const UnderWay call(sort_);
      co_await ask();
    }
    done_ = true;
    done_slot_.signal_all();
  }
  [[nodiscard]] Task<void> ask();

  LoopState& loop_;
  std::shared_ptr<Sort> sort_;
  std::size_t inputs_max_;
  TimePoint until_;
  WaitSlot hurry_;
  WaitSlot done_slot_;
  bool asked_ = false;
  bool done_ = false;
  std::size_t texts_ = 0;
  std::vector<const Call*> calls_;  // not to be looked into any more once it asks
  std::vector<EmbeddingInput> inputs_;
  std::vector<std::string> parts_;
  Part common_;  // but for the body
  std::optional<Failure> failure_;
  TaskGroup task_;
};

EmbeddingBatcher::UnderWay::~UnderWay() {
  if (--sort_->under_way < free_calls && sort_->open != nullptr) sort_->open->hurry();
}

Task<void> EmbeddingBatcher::Group::ask() {
  const Call& first = *calls_.front();
  // What the key belongs to, also when the first has gone.
  const std::shared_ptr<const Current> current = first.current();
  Request request;
  request.head.method = Method::post;
  request.head.target = first.request().head.target;
  for (const std::string_view name : steering_headers) {
    const auto value = first.request().head.headers.find(name);
    if (value) request.head.headers.add(name, *value);
  }
  add_passed_request_headers(request.head.headers, first.request().head.headers, shared_headers);
  request.head_at = loop_.io.timers.now();
  request.complete_at = request.head_at;
  if (!request.body.append(loop_.bodies, join_embedding_inputs(inputs_))) co_return;
  CaptureStream stream(loop_.io.timers);
  ResponseWriter response(stream, request.head, false, Duration::max());
  Call joined(loop_, request, response);
  joined.operation = Operation::embeddings;
  joined.cors = false;
  joined.act_for(first.key());
  Exchange exchange(joined);
  co_await exchange.run();
  const std::string_view bytes = stream.bytes;
  const size_t head_bytes = bytes.find("\r\n\r\n");
  HeaderList headers = headers_of(bytes.substr(0, head_bytes));
  const std::optional<ErrorCode> error = joined.account().error;
  if (error && holds_for_each(*error)) {
    failure_ = Failure{*error, std::string(headers.find("retry-after").value_or(""))};
  }
  if (response.status() != 200) co_return;
  auto parts = split_embedding_answer(bytes.substr(head_bytes + 4), inputs_);
  if (!parts) co_return;
  parts_ = *std::move(parts);
  const Account& account = joined.account();
  common_ = {{},
             std::move(headers),
             joined.current(),
             account.backend,
             account.endpoint,
             account.route,
             account.model,
             account.attempts,
             account.queue,
             request.head_at};
}

// One request in a group, until its answer is there or its client has gone.
class EmbeddingBatcher::Member {
 public:
  Member(std::shared_ptr<Group> group, const Call& call, EmbeddingInput input)
      : group_(std::move(group)), call_(call) {
    group_->join(call, std::move(input));
  }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member() { group_->leave(call_); }

  [[nodiscard]] Task<std::optional<Part>> part(Timers& timers) {
    while (!group_->done())
      co_await Wait(timers, group_->done_slot(), never);
    co_return group_->take_part(call_);
  }
  [[nodiscard]] const std::optional<Failure>& failure() const { return group_->failure(); }

 private:
  std::shared_ptr<Group> group_;
  const Call& call_;
};

void EmbeddingBatcher::note_receipt(Call& call, const Part& part) {
  Receipt* const receipt = call.receipt();
  if (receipt == nullptr) return;
  constexpr std::string_view why = "chosen: by a call that several share";
  for (const std::string_view model : {part.route, part.model})
    receipt->set_model(model);
  receipt->look_at({part.endpoint, 0, why});
  if (!receipt->choose(part.endpoint, why)) receipt->choose_left_out({part.endpoint, 0, why});
  AttemptReceipt* const attempt = receipt->begin_attempt(part.endpoint, part.asked_at);
  if (attempt == nullptr) return;
  // What else the call that is shared has spent its time with nobody has noted here.
  attempt->phase = Phase::first_byte;
  attempt->outcome = Outcome::ok;
  receipt->end(*attempt, call.loop().io.timers.now());
}

void EmbeddingBatcher::send(Call& call, const Part& part) {
  call.keep(part.words);
  static_cast<void>(call.lane());  // the account is to have it; the call has been let in with it
  if (part.words == call.current()) note_receipt(call, part);
  Account& account = call.account();
  account.backend = part.backend;
  account.endpoint = part.endpoint;
  account.attempts = part.attempts;
  account.queue = part.queue;
  account.route = part.route;
  account.model = part.model;
  const auto answer = read_openai_answer(part.body);
  if (answer) account.usage = answer->usage;
  std::string lines;
  for (const std::string_view name : {"x-rocket-backend", "x-rocket-endpoint", "x-rocket-attempts",
                                      "x-rocket-translation", "x-rocket-warning"}) {
    if (const auto value = part.headers.find(name)) append_header(lines, name, *value);
  }
  append_passed_answer_headers(lines, part.headers, call.upstream_limits());
  call.send_json(200, part.body, lines);
}

void EmbeddingBatcher::refuse(Call& call, const Failure& failure) {
  static_cast<void>(call.lane());  // for the account
  std::string lines;
  if (!failure.retry_after.empty()) append_header(lines, "retry-after", failure.retry_after);
  call.send_error({failure.code, {}}, lines);
}

std::shared_ptr<EmbeddingBatcher::Sort> EmbeddingBatcher::sort_of(const Call& call,
                                                                  const std::string& shell) {
  std::string name;
  const auto add = [&](std::string_view part) { name.append(part).push_back('\0'); };
  add(std::to_string(reinterpret_cast<std::uintptr_t>(call.key())));
  add(call.request().head.target);
  for (const std::string_view header : steering_headers)
    add(call.request().head.headers.find(header).value_or(""));
  append_passed_request_headers(name, call.request().head.headers, shared_headers);
  add(shell);
  std::weak_ptr<Sort>& known = sorts_[name];
  if (auto sort = known.lock()) return sort;
  auto sort = std::make_shared<Sort>(sorts_, name);
  known = sort;
  return sort;
}

Task<void> EmbeddingBatcher::answer(Call& call) {
  auto input = batchable(call);
  if (!input || !call.take_limits()) {
    co_await run_exchange(call);
    co_return;
  }
  const std::shared_ptr<Sort> sort = sort_of(call, input->shell);
  if (sort->under_way >= free_calls) {
    std::shared_ptr<Group> group;
    if (sort->open != nullptr && sort->open->takes(*input)) {
      group = sort->open->shared_from_this();
    } else {
      group = std::make_shared<Group>(call.loop(), sort,
                                      call.current()->snapshot->config.embedding_batching);
      group->start();
    }
    call.open_receipt();
    Member member(std::move(group), call, *std::move(input));
    const auto part = co_await member.part(call.loop().io.timers);
    if (part) {
      send(call, *part);
      co_await call.response().drained(call.taken_by());
      co_return;
    }
    if (const auto failure = member.failure()) {
      refuse(call, *failure);
      co_await call.response().drained(call.taken_by());
      co_return;
    }
  }
  const UnderWay one(sort);
  co_await run_exchange(call);
}

}  // namespace rocket
