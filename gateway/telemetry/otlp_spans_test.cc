#include "telemetry/otlp_spans.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace rocket {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr TimePoint begin{1h};
constexpr std::int64_t begin_unix = 1'700'000'000'000'000'000;

// A stream that failed over: 2 ms to a refusal, 8 ms at the second.
Receipt failed_over(std::string_view model = "m\"1\"") {
  Receipt receipt({"req-1", "chat_completions", begin});
  receipt.set_model(model);
  receipt.provider = "vllm";
  receipt.streamed = true;
  receipt.trace = {0x4bf92f3577b34da6U, 0xa3ce929d0e0e4736U, 0x10, 3};
  receipt.parent_span = 0xb7;
  receipt.look_at({"a/0", 1, "busier"});
  static_cast<void>(receipt.choose("a/0", "chosen: least busy"));
  AttemptReceipt* one = receipt.begin_attempt("a/0", begin);
  receipt.end(*one, begin + 2ms);
  one->outcome = Outcome::error;
  one->blame = Blame::upstream;
  one->error = ErrorCode::connect_refused;
  receipt.look_at({"b/0", 1, "busier"});
  static_cast<void>(receipt.choose("b/0", "chosen: the only one"));
  one = receipt.begin_attempt("b/0", begin + 2ms);
  one->phase = Phase::send;
  receipt.enter(*one, Phase::first_byte, begin + 3ms);
  receipt.enter(*one, Phase::first_token, begin + 4ms);
  receipt.enter(*one, Phase::rest, begin + 6ms);
  receipt.end(*one, begin + 10ms);
  receipt.status = 200;
  receipt.total = 10ms;
  receipt.tokens_known = true;
  receipt.tokens_in = 5;
  receipt.tokens_out = 7;
  receipt.ended_at = WallTime(std::chrono::nanoseconds(begin_unix) + 10ms);
  return receipt;
}

std::map<std::string, json> attributes_of(const json& span) {
  std::map<std::string, json> found;
  for (const json& one : span["attributes"])
    found[one["key"]] = one["value"].begin().value();
  return found;
}

json spans_of(const std::vector<TracedRequest>& requests) {
  const json sent = json::parse(otlp_spans(requests, "1.2"));
  return sent["resourceSpans"][0]["scopeSpans"][0]["spans"];
}

TracedRequest traced(const Receipt& receipt) {
  return {receipt, {}, {}};
}

TEST(OtlpSpans, ARequestAndItsAttempts) {
  const json spans = spans_of({traced(failed_over())});
  ASSERT_EQ(spans.size(), 3U);
  for (const json& span : spans)
    EXPECT_EQ(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
  const json& request = spans[0];
  EXPECT_EQ(request["spanId"], "0000000000000010");
  EXPECT_EQ(request["parentSpanId"], "00000000000000b7");
  EXPECT_EQ(request["name"], "chat m\"1\"");
  EXPECT_EQ(request["kind"], 2);
  EXPECT_EQ(request["startTimeUnixNano"], std::to_string(begin_unix));
  EXPECT_EQ(request["endTimeUnixNano"], std::to_string(begin_unix + 10'000'000));
  EXPECT_EQ(request["status"], json::object());
  auto attributes = attributes_of(request);
  EXPECT_EQ(attributes["gen_ai.operation.name"], "chat");
  EXPECT_EQ(attributes["gen_ai.provider.name"], "vllm");
  EXPECT_EQ(attributes["gen_ai.request.model"], "m\"1\"");
  EXPECT_EQ(attributes["gen_ai.response.model"], "m\"1\"");
  EXPECT_EQ(attributes["gen_ai.request.stream"], true);
  EXPECT_EQ(attributes["gen_ai.usage.input_tokens"], "5");
  EXPECT_EQ(attributes["gen_ai.usage.output_tokens"], "7");
  EXPECT_EQ(attributes["http.response.status_code"], "200");
  EXPECT_EQ(attributes["rocket.request.id"], "req-1");
  EXPECT_EQ(attributes["rocket.candidate.b/0"], "chosen: the only one, score 1.000");
  EXPECT_FALSE(attributes.contains("error.type"));
  EXPECT_FALSE(attributes.contains("rocket.key"));
}

TEST(OtlpSpans, AnAttemptTellsItsPhasesAndWhatItFailedOf) {
  const json spans = spans_of({traced(failed_over())});
  ASSERT_EQ(spans.size(), 3U);
  const json& refused = spans[1];
  EXPECT_EQ(refused["kind"], 3);
  EXPECT_EQ(refused["parentSpanId"], "0000000000000010");
  EXPECT_NE(refused["spanId"], spans[2]["spanId"]);
  EXPECT_EQ(refused["status"]["code"], 2);
  EXPECT_EQ(refused["events"], json::array());
  EXPECT_EQ(attributes_of(refused)["error.type"], "connect_refused");
  EXPECT_EQ(attributes_of(refused)["rocket.endpoint"], "a/0");
  const json& answered = spans[2];
  EXPECT_EQ(answered["startTimeUnixNano"], std::to_string(begin_unix + 2'000'000));
  EXPECT_EQ(answered["endTimeUnixNano"], std::to_string(begin_unix + 10'000'000));
  EXPECT_EQ(answered["status"], json::object());
  ASSERT_EQ(answered["events"].size(), 3U);
  EXPECT_EQ(answered["events"][0]["name"], "send");
  EXPECT_EQ(answered["events"][2]["name"], "first_token");
  EXPECT_EQ(answered["events"][2]["timeUnixNano"], std::to_string(begin_unix + 6'000'000));
}

TEST(OtlpSpans, WhoseFaultItIsDecidesTheStatus) {
  struct Case {
    Outcome outcome;
    Blame blame;
    bool error;
  };
  for (const Case& c :
       {Case{Outcome::ok, Blame::none, false}, Case{Outcome::error, Blame::client, false},
        Case{Outcome::cancelled, Blame::client, false}, Case{Outcome::error, Blame::upstream, true},
        Case{Outcome::error, Blame::gateway, true}, Case{Outcome::cut, Blame::upstream, true}}) {
    Receipt receipt = failed_over();
    receipt.outcome = c.outcome;
    receipt.blame = c.blame;
    EXPECT_EQ(spans_of({traced(receipt)})[0]["status"].contains("code"), c.error)
        << to_string(c.blame);
  }
}

TEST(OtlpSpans, NoNameBreaksIt) {
  Receipt receipt = failed_over("\xff\"\n\\");
  receipt.parent_span = 0;
  const json spans = spans_of({traced(receipt), traced(receipt)});
  EXPECT_EQ(spans.size(), 6U);
  EXPECT_FALSE(spans[0].contains("parentSpanId"));
  EXPECT_EQ(spans[0]["name"], "chat \uFFFD\"\n\\");
}

TEST(OtlpSpans, WhomAnAttemptWasSentTo) {
  TracedRequest request = traced(failed_over());
  request.servers = {{"models.example", 443}, {}};
  const json spans = spans_of({request});
  auto first = attributes_of(spans[1]);
  EXPECT_EQ(first["server.address"], "models.example");
  EXPECT_EQ(first["server.port"], "443");
  for (const size_t i : {size_t{0}, size_t{2}}) {
    EXPECT_FALSE(attributes_of(spans[i]).contains("server.address"));
    EXPECT_FALSE(attributes_of(spans[i]).contains("server.port"));
  }
}

TEST(OtlpSpans, CarryTheCallersState) {
  TracedRequest request = traced(failed_over());
  request.state = R"(a=b\,c="d")";
  const json spans = spans_of({request, traced(failed_over())});
  ASSERT_EQ(spans.size(), 6U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(spans[i]["traceState"], request.state);
    EXPECT_EQ(spans[i]["flags"], 3);
    EXPECT_FALSE(spans[i + 3].contains("traceState"));
  }
}

}  // namespace
}  // namespace rocket
