#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "admin/receipt_json.h"
#include "testing/sim_gateway.h"

// Receipts and traces of what the real proxy does.
namespace rocket {
namespace {

using nlohmann::json;

SimGateway::BackendSpec backend(const std::string& name, FakeScript script = {}) {
  return {.name = name, .endpoints = {std::move(script)}, .default_model = "fake-model"};
}

FakeScript faulty(Fault fault) {
  FakeScript script;
  script.fault = fault;
  script.tokens = 6;
  script.event_delay = 10ms;
  script.at = 3;
  return script;
}

std::string chat(bool stream, const std::string& lines) {
  return sim_post("/v1/chat/completions",
                  std::string("{\"stream\":") + (stream ? "true" : "false") +
                      ",\"messages\":[{\"role\":\"user\",\"content\":\"a secret\"}]}",
                  lines);
}

std::string with_id(const std::string& id) {
  return "x-request-id: " + id + "\r\n";
}

json receipt_of(SimGateway& gateway, const std::string& id) {
  const Receipt* const found = gateway.state.current->receipts->find(id);
  return found == nullptr ? json() : describe_receipt(*found, gateway.loop.now());
}

TEST(Receipts, TellWhoAnsweredAndHowLongItTook) {
  SimGateway gateway(1, {backend("one")});
  static_cast<void>(gateway.ask(chat(false, with_id("whole"))));
  static_cast<void>(gateway.ask(chat(true, with_id("streamed"))));
  const json whole = receipt_of(gateway, "whole");
  EXPECT_EQ(whole["operation"], "chat_completions");
  EXPECT_EQ(whole["model"], "fake-model") << "none was named, so the backend's only one was asked";
  EXPECT_EQ(whole["status"], 200);
  EXPECT_EQ(whole["outcome"], "ok");
  EXPECT_EQ(whole["blame"], "none");
  EXPECT_EQ(whole["under_way"], false);
  EXPECT_EQ(whole["key"], nullptr);
  ASSERT_EQ(whole["candidates"].size(), 1U);
  EXPECT_EQ(whole["candidates"][0]["endpoint"], "one/0");
  EXPECT_EQ(whole["candidates"][0]["why"], "chosen: the only one");
  ASSERT_EQ(whole["attempts"].size(), 1U);
  const json& attempt = whole["attempts"][0];
  EXPECT_EQ(attempt["endpoint"], "one/0");
  EXPECT_EQ(attempt["outcome"], "ok");
  EXPECT_GT(attempt["phases_ms"]["first_byte"], 1.5) << "there and back";
  EXPECT_FALSE(attempt["phases_ms"].contains("first_token"));
  EXPECT_GE(whole["total_ms"].get<double>(), whole["engine_ms"].get<double>());
  EXPECT_GT(whole["engine_ms"], 1.5);
  EXPECT_GT(whole["tokens"]["out"], 0);

  const json streamed = receipt_of(gateway, "streamed");
  ASSERT_EQ(streamed["attempts"].size(), 1U);
  EXPECT_TRUE(streamed["attempts"][0]["phases_ms"].contains("first_token"));
  EXPECT_FALSE(streamed["attempts"][0]["phases_ms"].contains("connect")) << "the kept connection";
  EXPECT_FALSE(streamed.dump().contains("secret"));
  EXPECT_EQ(receipt_of(gateway, "nobody"), json());
}

TEST(Receipts, PhasesAddUpToTheAttempt) {
  FakeScript slow;
  slow.head_delay = 30ms;
  slow.event_delay = 10ms;
  slow.tokens = 5;
  SimGateway gateway(1, {backend("one", slow)});
  static_cast<void>(gateway.ask(chat(true, with_id("1"))));
  const json receipt = receipt_of(gateway, "1");
  double sum = 0;
  for (const auto& [name, time] : receipt["attempts"][0]["phases_ms"].items())
    sum += time.get<double>();
  EXPECT_NEAR(sum, receipt["engine_ms"].get<double>(), 0.01);
  EXPECT_NEAR(sum, receipt["total_ms"].get<double>(), 1);
}

TEST(Receipts, AFailoverIsTwoAttempts) {
  SimGateway gateway(1, {backend("bad", faulty(Fault::status_500)), backend("good")});
  static_cast<void>(gateway.ask(chat(false, with_id("1"))));
  const json receipt = receipt_of(gateway, "1");
  EXPECT_EQ(receipt["outcome"], "ok");
  ASSERT_EQ(receipt["attempts"].size(), 2U);
  EXPECT_EQ(receipt["attempts"][0]["endpoint"], "bad/0");
  EXPECT_EQ(receipt["attempts"][0]["outcome"], "error");
  EXPECT_EQ(receipt["attempts"][0]["blame"], "upstream");
  EXPECT_EQ(receipt["attempts"][0]["error"], "upstream_status");
  EXPECT_EQ(receipt["attempts"][1]["endpoint"], "good/0");
  EXPECT_EQ(receipt["attempts"][1]["outcome"], "ok");
  ASSERT_EQ(receipt["candidates"].size(), 2U);
  EXPECT_EQ(receipt["candidates"][1]["endpoint"], "good/0");
}

TEST(Receipts, ARefusedConnectionFailedWhileConnecting) {
  SimGateway gateway(1, {backend("gone"), backend("good")});
  gateway.refuse("gone");
  static_cast<void>(gateway.ask(chat(false, with_id("1"))));
  const json receipt = receipt_of(gateway, "1");
  ASSERT_EQ(receipt["attempts"].size(), 2U);
  EXPECT_EQ(receipt["attempts"][0]["error"], "connect_refused");
  EXPECT_TRUE(receipt["attempts"][0]["phases_ms"].contains("connect"));
  EXPECT_FALSE(receipt["attempts"][0]["phases_ms"].contains("send"));
}

TEST(Receipts, ACutStreamSaysWhatCutIt) {
  SimGateway gateway(1, {backend("one", faulty(Fault::reset_mid_stream))});
  static_cast<void>(gateway.ask(chat(true, with_id("1"))));
  const json receipt = receipt_of(gateway, "1");
  EXPECT_EQ(receipt["outcome"], "cut");
  EXPECT_EQ(receipt["blame"], "upstream");
  ASSERT_EQ(receipt["attempts"].size(), 1U);
  EXPECT_EQ(receipt["attempts"][0]["outcome"], "cut");
  EXPECT_EQ(receipt["attempts"][0]["error"], "upstream_closed");
}

TEST(Receipts, ARefusedRequestHasNoAttempts) {
  SimGateway gateway(1, {backend("one")});
  static_cast<void>(gateway.ask(sim_post("/v1/chat/completions", "{", with_id("1"))));
  const json receipt = receipt_of(gateway, "1");
  EXPECT_EQ(receipt["status"], 400);
  EXPECT_EQ(receipt["blame"], "client");
  EXPECT_EQ(receipt["model"], nullptr);
  EXPECT_EQ(receipt["attempts"], json::array());
  EXPECT_EQ(receipt["engine_ms"], 0);
}

TEST(Receipts, ARequestUnderWayIsFoundAndOneWhoseClientLeftToo) {
  SimGateway gateway(1, {backend("one", faulty(Fault::hang_before_head))});
  const auto request = gateway.send(chat(false, with_id("1")));
  gateway.loop.run_for(100ms);
  const json waiting = receipt_of(gateway, "1");
  EXPECT_EQ(waiting["under_way"], true);
  EXPECT_EQ(waiting["status"], nullptr);
  EXPECT_EQ(waiting["lane"], "interactive") << "by which it has been let in";
  ASSERT_EQ(waiting["attempts"].size(), 1U);
  EXPECT_EQ(waiting["attempts"][0]["outcome"], nullptr);
  EXPECT_GT(waiting["engine_ms"], 90);
  EXPECT_GT(waiting["attempts"][0]["phases_ms"]["first_byte"], 90);
  request->abort();
  gateway.loop.run_for(10ms);
  const json left = receipt_of(gateway, "1");
  EXPECT_EQ(left["status"], 499);
  EXPECT_EQ(left["outcome"], "cancelled");
  EXPECT_EQ(left["attempts"][0]["outcome"], "cancelled");
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Receipts, AConnectionThatHadClosedIsAnAttemptOfItsOwn) {
  FakeScript script;
  script.keep_alive = 1s;  // shorter than the pool believes
  json receipt;
  // The request has to cross the close on its way.
  for (Duration pause = 990ms; pause < 1010ms && receipt["attempts"].size() != 2; pause += 500us) {
    SimGateway gateway(3, {backend("one", script)});
    static_cast<void>(gateway.ask(chat(false, with_id("1"))));
    gateway.loop.run_for(pause);
    const auto request = gateway.ask(chat(false, with_id("2")));
    EXPECT_EQ(request->status(), 200);
    receipt = receipt_of(gateway, "2");
    EXPECT_EQ(request->header("x-rocket-attempts"), std::to_string(receipt["attempts"].size()));
  }
  ASSERT_EQ(receipt["attempts"].size(), 2U);
  EXPECT_EQ(receipt["attempts"][0]["error"], "upstream_closed");
  EXPECT_FALSE(receipt["attempts"][0]["phases_ms"].contains("connect"));
  EXPECT_EQ(receipt["attempts"][1]["outcome"], "ok");
  EXPECT_TRUE(receipt["attempts"][1]["phases_ms"].contains("connect"));
}

TEST(Receipts, MoreThanThereIsRoomForGoWithout) {
  Config config;
  config.limits.receipts = 2;
  SimGateway gateway(1, {backend("one", faulty(Fault::hang_before_head))}, config);
  const auto one = gateway.send(chat(false, with_id("1")));
  const auto two = gateway.send(chat(false, with_id("2")));
  gateway.loop.run_for(10ms);
  const auto three = gateway.send(chat(false, with_id("3")));
  gateway.loop.run_for(10ms);
  EXPECT_NE(receipt_of(gateway, "1"), json());
  EXPECT_EQ(receipt_of(gateway, "3"), json());
  EXPECT_EQ(gateway.metrics.shard(0).counter(Family::receipts_missed).value(), 1U);
  one->abort();
  gateway.loop.run_for(10ms);
  const auto four = gateway.send(chat(false, with_id("4")));
  gateway.loop.run_for(10ms);
  EXPECT_EQ(receipt_of(gateway, "1"), json()) << "its place was needed";
  EXPECT_NE(receipt_of(gateway, "4"), json());
}

// Takes traces at collector:4318.
class Collector final : public RequestHandler {
 public:
  explicit Collector(SimGateway& gateway)
      : io_{gateway.loop, gateway.net.dialer(), scratch_}, tasks_(gateway.loop.run_queue()) {
    gateway.net.listen("collector", 4318, [this](std::unique_ptr<ByteStream> stream) {
      tasks_.spawn(serve(std::move(stream)));
    });
  }

  [[nodiscard]] Result<BodyTerms> admit(const RequestHead&) override {
    return BodyTerms{.bytes_max = size_t{64} << 20U};
  }
  [[nodiscard]] Task<void> handle(Request& request, ResponseWriter& response) override {
    EXPECT_EQ(request.head.target, "/base/v1/traces");
    EXPECT_EQ(request.head.headers.find("content-type"), "application/json");
    ++requests;
    if (status == 200) {
      const json sent = json::parse(request.body.text());
      for (const json& span : sent["resourceSpans"][0]["scopeSpans"][0]["spans"])
        spans.push_back(span);
    }
    const std::string_view piece = answer;
    response.send(status, answer_lines, {&piece, 1});
    co_await response.drained();
  }
  [[nodiscard]] Task<void> refuse(const Error& error, const RequestHead&,
                                  ResponseWriter&) override {
    ADD_FAILURE() << error.detail;
    co_return;
  }
  [[nodiscard]] const HttpSettings& settings() const override { return settings_; }
  [[nodiscard]] ByteBudget& bodies() override { return bodies_; }
  [[nodiscard]] bool draining() const override { return false; }

  int status = 200;
  std::string answer_lines;
  std::string answer;
  int requests = 0;
  std::vector<json> spans;

 private:
  Task<void> serve(std::unique_ptr<ByteStream> stream) {
    HttpConnection connection(io_, std::move(stream), *this);
    co_await connection.run();
  }

  std::array<char, 64 * 1024> scratch_{};
  Io io_;
  HttpSettings settings_{{}, 10s, 10s, 75s, 30s};
  ByteBudget bodies_{256U << 20U};
  TaskGroup tasks_;
};

Config traced(double ratio = 1) {
  Config config;
  config.otlp.url = "http://collector:4318/base/";
  config.otlp.ratio = ratio;
  return config;
}

constexpr const char* parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";

// The values of those lines of the last chat that reached the upstream.
std::vector<std::string> lines_at_upstream(SimGateway& gateway, const std::string& name) {
  std::string head;
  for (const RecordedRequest& one : gateway.fake("one").recorder().requests()) {
    if (one.head.starts_with("POST")) head = one.head;
  }
  std::vector<std::string> values;
  const std::string start = "\r\n" + name + ": ";
  for (size_t at = head.find(start); at != std::string::npos; at = head.find(start, at + 1)) {
    const size_t from = at + start.size();
    values.push_back(head.substr(from, head.find("\r\n", from) - from));
  }
  return values;
}

std::string header_at_upstream(SimGateway& gateway, const std::string& name) {
  const auto values = lines_at_upstream(gateway, name);
  return values.empty() ? "" : values.front();
}

std::uint64_t traces(SimGateway& gateway, const char* result) {
  return gateway.metrics.shard(0).counter(Family::traces, {result}).value();
}

TEST(Traces, ATraceGoesThroughTheGateway) {
  SimGateway gateway(1, {backend("one")}, traced());
  Collector collector(gateway);
  static_cast<void>(gateway.ask(
      chat(false, with_id("1") + "traceparent: " + parent + "01\r\ntracestate: a=b\r\n")));
  gateway.loop.run_for(1s);
  ASSERT_EQ(collector.spans.size(), 2U);
  const json& request = collector.spans[0];
  const json& attempt = collector.spans[1];
  EXPECT_EQ(request["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(request["parentSpanId"], "00f067aa0ba902b7");
  EXPECT_EQ(attempt["parentSpanId"], request["spanId"]);
  EXPECT_EQ(header_at_upstream(gateway, "traceparent"),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-" + attempt["spanId"].get<std::string>() + "-01");
  EXPECT_EQ(header_at_upstream(gateway, "tracestate"), "a=b");
  EXPECT_EQ(request["traceState"], "a=b");
  EXPECT_EQ(attempt["traceState"], "a=b");
  EXPECT_TRUE(attempt["attributes"].dump().contains(
      R"({"key":"server.address","value":{"stringValue":"one"}})"));
  EXPECT_TRUE(attempt["attributes"].dump().contains(
      R"({"key":"server.port","value":{"intValue":"8000"}})"));
  EXPECT_EQ(traces(gateway, "sent"), 1U);
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Traces, WhoSentItDecidesWhetherItIsSampled) {
  struct Case {
    const char* name;
    double ratio;
    std::string lines;
    bool sampled;
    std::string at_upstream;  // a pattern
    std::string state;
  };
  const std::string ours = "00-[0-9a-f]{32}-[0-9a-f]{16}-";
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-";
  const Case cases[] = {
      {"no parent", 1, "", true, ours + "03", ""},
      {"no parent, and no luck", 0, "", false, ours + "02", ""},
      {"sampled above, whatever the ratio", 0, std::string("traceparent: ") + parent + "01\r\n",
       true, trace + "[0-9a-f]{16}-01", ""},
      {"not sampled above", 1, std::string("traceparent: ") + parent + "00\r\ntracestate: a=b\r\n",
       false, std::string(parent) + "00", "a=b"},
      {"nonsense, and what stands beside it", 1, "traceparent: 00-1-2-01\r\ntracestate: a=b\r\n",
       true, ours + "03", ""},
      {"two parents", 1,
       std::string("traceparent: ") + parent + "01\r\ntraceparent: " + parent + "00\r\n", true,
       ours + "03", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    SimGateway gateway(1, {backend("one")}, traced(c.ratio));
    Collector collector(gateway);
    static_cast<void>(gateway.ask(chat(false, c.lines)));
    gateway.loop.run_for(1s);
    EXPECT_EQ(!collector.spans.empty(), c.sampled);
    EXPECT_TRUE(
        std::regex_match(header_at_upstream(gateway, "traceparent"), std::regex(c.at_upstream)))
        << header_at_upstream(gateway, "traceparent");
    EXPECT_EQ(lines_at_upstream(gateway, "traceparent").size(), 1U);
    EXPECT_EQ(header_at_upstream(gateway, "tracestate"), c.state);
  }
}

TEST(Traces, OffTheyPassUntouched) {
  SimGateway gateway(1, {backend("one")});
  static_cast<void>(gateway.ask(chat(false, "traceparent: anything\r\ntracestate: a=b\r\n")));
  EXPECT_EQ(header_at_upstream(gateway, "traceparent"), "anything");
  EXPECT_EQ(header_at_upstream(gateway, "tracestate"), "a=b");
  static_cast<void>(gateway.ask(chat(false, "")));
  EXPECT_EQ(header_at_upstream(gateway, "traceparent"), "");
}

TEST(Traces, NobodyWaitsForACollectorThatFails) {
  enum class Way : unsigned char { refuses, is_silent, says_no };
  for (const Way way : {Way::refuses, Way::is_silent, Way::says_no}) {
    SimGateway gateway(1, {backend("one")}, traced());
    Collector collector(gateway);
    SimLink& link = gateway.net.link("collector", 4318);
    if (way == Way::refuses) link.connect = SimLink::Connect::refuse;
    if (way == Way::is_silent) link.connect = SimLink::Connect::black_hole;
    if (way == Way::says_no) collector.status = 503;
    for (int i = 0; i < 3; ++i) {
      const auto request = gateway.ask(chat(false, ""));
      EXPECT_EQ(request->status(), 200);
      EXPECT_LT(request->ended_at() - request->sent_at(), 100ms);
    }
    gateway.loop.run_for(20s);
    EXPECT_EQ(traces(gateway, "dropped"), 3U) << static_cast<int>(way);
    EXPECT_EQ(traces(gateway, "sent"), 0U);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

TEST(Traces, ACollectorThatAsksForPatienceIsLeftAlone) {
  SimGateway gateway(1, {backend("one")}, traced());
  Collector collector(gateway);
  collector.status = 429;
  collector.answer_lines = "retry-after: 30\r\n";
  const auto ask = [&] { EXPECT_EQ(gateway.ask(chat(false, ""))->status(), 200); };
  ask();
  gateway.loop.run_for(1s);
  EXPECT_EQ(collector.requests, 1);
  EXPECT_EQ(traces(gateway, "dropped"), 1U);
  collector.status = 200;
  ask();
  gateway.loop.run_for(25s);
  EXPECT_EQ(collector.requests, 1) << "its time is not over";
  gateway.loop.run_for(10s);
  EXPECT_EQ(collector.requests, 2);
  EXPECT_EQ(traces(gateway, "sent"), 1U) << "what waited meanwhile";
}

TEST(Traces, WhatACollectorRefusesOfABatchIsCounted) {
  struct Case {
    const char* answer;
    std::uint64_t rejected;
  };
  const Case cases[] = {
      {"", 0},
      {"{}", 0},
      {R"({"partialSuccess":{}})", 0},
      {R"({"partialSuccess":{"errorMessage":"only a warning"}})", 0},
      {R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}})", 2},
      {R"({"partialSuccess":{"rejectedSpans":1}})", 1},
      {R"({"partialSuccess":{"rejectedSpans":-1}})", 0},
      {R"({"partialSuccess":{"rejectedSpans":"many"}})", 0},
      {R"({"partialSuccess":)", 0},
  };
  for (const Case& one : cases) {
    SimGateway gateway(1, {backend("one")}, traced());
    Collector collector(gateway);
    collector.answer = one.answer;
    static_cast<void>(gateway.ask(chat(false, "")));
    gateway.loop.run_for(1s);
    EXPECT_EQ(traces(gateway, "sent"), 1U) << one.answer;
    EXPECT_EQ(gateway.metrics.shard(0).counter(Family::trace_spans_rejected).value(), one.rejected)
        << one.answer;
  }
}

TEST(Traces, WhatWaitsIsBoundedAndTheRestIsDropped) {
  Config config = traced();
  config.otlp.queue = 2;
  SimGateway gateway(1, {backend("one")}, config);
  Collector collector(gateway);
  gateway.net.link("collector", 4318).connect = SimLink::Connect::black_hole;
  for (int i = 0; i < 50; ++i)
    static_cast<void>(gateway.ask(chat(false, "")));
  EXPECT_LE(gateway.state.traces.size(), 2U);
  EXPECT_GE(traces(gateway, "dropped"), 40U);
}

}  // namespace
}  // namespace rocket
