#include "telemetry/otlp_spans.h"

#include <fmt/format.h>

#include <iterator>

#include "base/json_text.h"

namespace rocket {
namespace {

enum class Kind : unsigned char { server = 2, client = 3 };

// What the GenAI conventions call an operation of ours.
std::string_view gen_ai_operation(std::string_view operation) {
  for (const std::string_view chat : {"chat_completions", "responses", "messages", "ollama_chat"})
    if (operation == chat) return "chat";
  if (operation == "completions" || operation == "ollama_generate") return "text_completion";
  if (operation == "ollama_embed") return "embeddings";
  return operation;
}

std::int64_t nanoseconds(WallTime time) {
  return std::chrono::duration_cast<Duration>(time.time_since_epoch()).count();
}

class SpanWriter {
 public:
  explicit SpanWriter(std::string& out) : out_(out) {}

  void request(const TracedRequest& traced) {
    const Receipt& receipt = traced.receipt;
    state_ = traced.state;
    begun_ = nanoseconds(receipt.ended_at) - receipt.total.count();
    open(receipt, receipt.trace.span, receipt.parent_span);
    name(receipt);
    place(Kind::server, begun_, begun_ + receipt.total.count());
    attributes(receipt);
    out_ += R"(],"status":{)";
    const bool failed = receipt.blame == Blame::gateway || receipt.blame == Blame::upstream;
    if (failed) out_ += R"("code":2)";
    out_ += "}}";
    const auto attempts = receipt.attempts();
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      const bool known = i < traced.servers.size();
      attempt(receipt, attempts[i], known ? traced.servers[i] : TracedRequest::Server{});
    }
  }

 private:
  void open(const Receipt& receipt, std::uint64_t span, std::uint64_t parent) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += R"({"traceId":")";
    append_trace_id(out_, receipt.trace);
    out_ += R"(","spanId":")";
    append_span_id(out_, span);
    if (parent != 0) {
      out_ += R"(","parentSpanId":")";
      append_span_id(out_, parent);
    }
    out_ += '"';
    if (!state_.empty()) {
      out_ += R"(,"traceState":)";
      append_json_string(out_, state_);
    }
    fmt::format_to(std::back_inserter(out_), R"(,"flags":{},"name":)", receipt.trace.flags);
  }

  void name(const Receipt& receipt) {
    std::string text(gen_ai_operation(receipt.operation));
    if (!receipt.asked_model().empty()) text.append(" ").append(receipt.asked_model());
    append_json_string(out_, text);
  }

  void place(Kind kind, std::int64_t begin, std::int64_t end) {
    fmt::format_to(std::back_inserter(out_),
                   R"(,"kind":{},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","attributes":[)",
                   static_cast<int>(kind), begin, end);
    first_attribute_ = true;
  }

  void attributes(const Receipt& receipt) {
    text("gen_ai.operation.name", gen_ai_operation(receipt.operation));
    text("gen_ai.provider.name", receipt.provider);
    text("gen_ai.request.model", receipt.asked_model());
    if (receipt.status < 400) text("gen_ai.response.model", receipt.model());
    if (receipt.streamed) flag("gen_ai.request.stream", true);
    if (receipt.tokens_known) {
      number("gen_ai.usage.input_tokens", receipt.tokens_in);
      number("gen_ai.usage.output_tokens", receipt.tokens_out);
      number("gen_ai.usage.cache_read.input_tokens", receipt.tokens_cached);
    }
    text("http.request.method", "POST");
    number("http.response.status_code", receipt.status);
    if (receipt.outcome != Outcome::ok) text("error.type", to_string(receipt.outcome));
    text("rocket.request.id", receipt.id());
    text("rocket.outcome", to_string(receipt.outcome));
    text("rocket.blame", to_string(receipt.blame));
    text("rocket.key", receipt.key());
    text("rocket.lane", receipt.lane);
    decimal("rocket.queue_ms", to_ms(receipt.queue));
    if (receipt.media != Duration::zero()) decimal("rocket.media_ms", to_ms(receipt.media));
    decimal("rocket.gateway_us", to_ms(receipt.gateway) * 1000);
    for (std::size_t i = 0; i < receipt.candidates(); ++i) {
      const Receipt::Candidate one = receipt.candidate(i);
      text(fmt::format("rocket.candidate.{}", one.endpoint),
           fmt::format("{}, score {:.3f}", one.why, one.score));
    }
  }

  void attempt(const Receipt& receipt, const AttemptReceipt& one,
               const TracedRequest::Server& server) {
    open(receipt, receipt.span_of(one), receipt.trace.span);
    out_ += R"("POST")";
    place(Kind::client, at(one.started), at(one.end()));
    text("http.request.method", "POST");
    text("server.address", server.host);
    if (!server.host.empty()) number("server.port", server.port);
    text("rocket.endpoint", receipt.endpoint_of(one));
    text("rocket.outcome", to_string(one.outcome));
    text("rocket.blame", to_string(one.blame));
    if (one.error) text("error.type", to_string(*one.error));
    out_ += R"(],"events":[)";
    bool first = true;
    for (std::size_t i = 0; i < static_cast<std::size_t>(one.phase); ++i) {
      if (one.until[i] == AttemptReceipt::unknown) continue;
      fmt::format_to(std::back_inserter(out_), R"({}{{"timeUnixNano":"{}","name":"{}"}})",
                     first ? "" : ",", at(one.until[i]), to_string(static_cast<Phase>(i)));
      first = false;
    }
    out_ += R"(],"status":{)";
    const bool failed = one.outcome == Outcome::error || one.outcome == Outcome::cut;
    if (failed && one.blame != Blame::client) out_ += R"("code":2)";
    out_ += "}}";
  }

  [[nodiscard]] std::int64_t at(std::uint32_t micros) const {
    return begun_ + std::int64_t{micros} * 1000;
  }

  void key(std::string_view name) {
    if (!first_attribute_) out_ += ',';
    first_attribute_ = false;
    out_ += R"({"key":)";
    append_json_string(out_, name);
    out_ += R"(,"value":{)";
  }
  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    key(name);
    out_ += R"("stringValue":)";
    append_json_string(out_, value);
    out_ += "}}";
  }
  void number(std::string_view name, std::int64_t value) {
    key(name);
    fmt::format_to(std::back_inserter(out_), R"("intValue":"{}"}}}})", value);
  }
  void decimal(std::string_view name, double value) {
    key(name);
    fmt::format_to(std::back_inserter(out_), R"("doubleValue":{:.3f}}}}})", value);
  }
  void flag(std::string_view name, bool value) {
    key(name);
    fmt::format_to(std::back_inserter(out_), R"("boolValue":{}}}}})", value);
  }

  std::string& out_;
  bool first_ = true;
  bool first_attribute_ = true;
  std::string_view state_;
  std::int64_t begun_ = 0;  // of the request, in Unix nanoseconds
};

}  // namespace

std::string otlp_spans(std::span<const TracedRequest> requests, std::string_view version) {
  std::string out;
  out.reserve(requests.size() * 3072 + 512);
  out += R"({"resourceSpans":[{"resource":{"attributes":[)"
         R"({"key":"service.name","value":{"stringValue":"rocket"}},)"
         R"({"key":"service.version","value":{"stringValue":)";
  append_json_string(out, version);
  out += R"(}}]},"scopeSpans":[{"scope":{"name":"rocket"},"spans":[)";
  SpanWriter writer(out);
  for (const TracedRequest& one : requests)
    writer.request(one);
  out += "]}]}]}";
  return out;
}

}  // namespace rocket
