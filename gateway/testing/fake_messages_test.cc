#include "testing/fake_messages.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "schema/anthropic_reader.h"
#include "schema/anthropic_stream_reader.h"
#include "schema/stream_grammar.h"
#include "testing/fake_body.h"
#include "testing/fake_plan.h"
#include "testing/told_stream.h"
#include "wire/sse.h"

namespace rocket {
namespace {

using Json = nlohmann::json;

FakeScript anthropic(FakeScript script = {}) {
  script.kind = FakeKind::anthropic;
  return script;
}

FakeRequest post(const std::string& path, const std::string& body) {
  return {"POST", path, body, 1};
}

// A request with those members beside what every one has.
FakeRequest asking(const std::string& more, bool stream) {
  Json body = Json::parse(R"({"model":"fake-model","max_tokens":4000,)"
                          R"("messages":[{"role":"user","content":"two words"}]})");
  body.update(Json::parse(more));
  body["stream"] = stream;
  return post("/v1/messages", body.dump());
}

Json json_of(const FakeAnswer& answer) {
  return Json::parse(body_of(answer));
}

// The data of the events of a stream, each of which is named as its type.
std::vector<std::string> events_of(const FakeAnswer& answer) {
  std::vector<std::string> all;
  SseSplitter splitter(100'000'000);
  const auto fed = splitter.feed(body_of(answer), [&](const SseEvent& event) {
    all.emplace_back(event.data);
    const Json json = Json::parse(event.data, nullptr, false);
    if (!json.is_object()) return;
    const std::string name = "event: " + json["type"].get<std::string>() + "\ndata: ";
    EXPECT_TRUE(event.raw.starts_with(name)) << event.raw;
  });
  EXPECT_TRUE(fed);
  EXPECT_FALSE(splitter.unfinished());
  return all;
}

// What an official client puts together from a stream.
Json assembled(const std::vector<std::string>& events) {
  Json message;
  std::string input;
  for (const std::string& data : events) {
    const Json event = Json::parse(data);
    const std::string type = event["type"];
    if (type == "message_start") message = event["message"];
    if (type == "content_block_start") message["content"].push_back(event["content_block"]);
    if (type == "content_block_delta") {
      Json& block = message["content"].at(event["index"].get<std::size_t>());
      for (const auto& [name, value] : event["delta"].items()) {
        if (name == "partial_json") input += value.get<std::string>();
        if (block.contains(name) && name != "type") {
          block[name] = block[name].get<std::string>() + value.get<std::string>();
        }
      }
    }
    if (type == "content_block_stop" && !input.empty()) {
      message["content"].at(event["index"].get<std::size_t>())["input"] =
          Json::parse(std::exchange(input, ""));
    }
    if (type == "message_delta") {
      message.update(event["delta"]);
      message["usage"].update(event["usage"]);
    }
  }
  return message;
}

struct MessageCase {
  const char* name;
  const char* more;  // of the request
  FakeScript script;
  const char* told;  // by our reader of a stream
};

const char* const tools =
    R"("tools":[{"name":"f","input_schema":{"type":"object"}},{"name":"g","input_schema":{}}])";

const std::vector<MessageCase>& message_cases() {
  static const std::string any = std::string(R"({"tool_choice":{"type":"any"},)") + tools + "}";
  static const std::string named =
      std::string(R"({"tool_choice":{"type":"tool","name":"g"},)") + tools + "}";
  static const std::string free = std::string(R"({"tool_choice":{"type":"auto"},)") + tools + "}";
  static const std::string cut =
      std::string(R"({"max_tokens":1,"tool_choice":{"type":"any"},)") + tools + "}";
  static const std::string thinking_tool =
      std::string(R"({"thinking":{"type":"adaptive"},"tool_choice":{"type":"any"},)") + tools + "}";
  static const std::vector<MessageCase> cases{
      {"text",
       "{}",
       {},
       "start fake-model\ntext: word0 word1 word2 word3 \nusage 3 4\nstop end_turn\n"},
      {"nothing", "{}", {.tokens = 0}, "start fake-model\nusage 3 0\nstop end_turn\n"},
      {"cut",
       R"({"max_tokens":2})",
       {},
       "start fake-model\ntext: word0 word1 \nusage 3 2\nstop max_tokens\n"},
      {"just_enough",
       R"({"max_tokens":4})",
       {},
       "start fake-model\ntext: word0 word1 word2 word3 \nusage 3 4\nstop end_turn\n"},
      {"signs",
       "{}",
       {.tokens = 1, .word = "\"\\\n\xc3\xa9"},
       "start fake-model\ntext: \"\\\n\xc3\xa9"
       "0 \nusage 3 1\nstop end_turn\n"},
      {"a_tool",
       any.c_str(),
       {.tokens = 2},
       "start fake-model\ncall toolu_010000000000000000000001 f: {\"text\": \"word0 word1 \"}\n"
       "usage 6 2\nstop tool_use\n"},
      {"the_tool",
       named.c_str(),
       {.tokens = 1, .word = "\"\\"},
       "start fake-model\ncall toolu_010000000000000000000001 g: {\"text\": \"\\\"\\\\0 \"}\n"
       "usage 6 1\nstop tool_use\n"},
      {"no_tool_forced",
       free.c_str(),
       {.tokens = 1},
       "start fake-model\ntext: word0 \nusage 6 1\nstop end_turn\n"},
      {"a_tool_cut",
       cut.c_str(),
       {},
       "start fake-model\ncall toolu_010000000000000000000001 f: {\"text\": \"word0 \"}\n"
       "usage 6 1\nstop max_tokens\n"},
      {"thinking",
       R"({"thinking":{"type":"enabled","budget_tokens":1024}})",
       {.tokens = 1},
       "start fake-model\nthinking: thought0 thought1  signed ZmFrZSBzaWduYXR1cmU=\n"
       "text: word0 \nusage 3 3\nstop end_turn\n"},
      {"thinking_sealed",
       R"({"thinking":{"type":"enabled","budget_tokens":1024}})",
       {.tokens = 1, .redact = true},
       "start fake-model\nthinking: thought0 thought1  signed ZmFrZSBzaWduYXR1cmU=\n"
       "sealed: ZmFrZSBzZWFs\ntext: word0 \nusage 3 3\nstop end_turn\n"},
      {"thinking_unseen",
       R"({"thinking":{"type":"adaptive","display":"omitted"}})",
       {.tokens = 1},
       "start fake-model\nthinking:  signed ZmFrZSBzaWduYXR1cmU=\n"
       "text: word0 \nusage 3 3\nstop end_turn\n"},
      {"thinking_unseen_for_long",
       "{}",
       {.tokens = 1, .thinks_unseen = 3},
       "start fake-model\nthinking:  signed ZmFrZSBzaWduYXR1cmU=\n"
       "text: word0 \nusage 3 3\nstop end_turn\n"},
      {"thinking_disabled",
       R"({"thinking":{"type":"disabled"}})",
       {.tokens = 1},
       "start fake-model\ntext: word0 \nusage 3 1\nstop end_turn\n"},
      {"thinking_and_a_tool",
       thinking_tool.c_str(),
       {.tokens = 1},
       "start fake-model\nthinking: thought0 thought1  signed ZmFrZSBzaWduYXR1cmU=\n"
       "call toolu_010000000000000000000001 f: {\"text\": \"word0 \"}\nusage 6 3\nstop tool_use\n"},
      {"cache",
       R"({"system":[{"type":"text","text":"Be.","cache_control":{"type":"ephemeral"}}]})",
       {.tokens = 1},
       "start fake-model\ntext: word0 \nusage 6 1\nstop end_turn\n"},
      {"refusal", "{}", {.refuse = true}, "start fake-model\nusage 3 1\nstop refusal\n"},
  };
  return cases;
}

class FakeMessage : public testing::TestWithParam<MessageCase> {};

TEST_P(FakeMessage, StreamsAreLegalAndRead) {
  const FakeAnswer answer =
      fake_answer(anthropic(GetParam().script), asking(GetParam().more, true));
  EXPECT_TRUE(answer.stream);
  EXPECT_EQ(answer.content_type, "text/event-stream; charset=utf-8");
  const std::vector<std::string> events = events_of(answer);
  StreamGrammar grammar(Dialect::anthropic);
  for (const std::string& event : events)
    EXPECT_EQ(grammar.check(event), "") << event;
  EXPECT_EQ(grammar.check_end(), "");
  AnthropicStreamReader reader;
  EXPECT_EQ(told_by(reader, std::vector<std::string_view>(events.begin(), events.end())),
            GetParam().told);
  EXPECT_TRUE(reader.done());
}

TEST_P(FakeMessage, WholeAnswersSayTheSame) {
  const FakeScript script = anthropic(GetParam().script);
  const FakeAnswer answer = fake_answer(script, asking(GetParam().more, false));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json_of(answer),
            assembled(events_of(fake_answer(script, asking(GetParam().more, true)))));
  EXPECT_TRUE(read_anthropic_answer(body_of(answer)));
}

INSTANTIATE_TEST_SUITE_P(Cases, FakeMessage, testing::ValuesIn(message_cases()),
                         [](const auto& tested) { return tested.param.name; });

TEST(FakeMessages, AStreamBeginsAsTheRealOne) {
  const std::vector<std::string> events = events_of(fake_answer(anthropic(), asking("{}", true)));
  const Json message = Json::parse(events.at(0))["message"];
  EXPECT_EQ(message["id"], "msg_010000000000000000000001");
  EXPECT_EQ(message["content"], Json::array());
  EXPECT_EQ(message["stop_reason"], Json());
  EXPECT_EQ(message["usage"]["output_tokens"], 1);
  EXPECT_EQ(Json::parse(events.at(1)), Json({{"type", "ping"}}));
}

TEST(FakeMessages, ACacheIsWrittenAndReadIfAnythingAsksForIt) {
  const char* const mark = R"({"cache_control":{"type":"ephemeral"}})";
  for (const bool cached : {false, true}) {
    const Json usage =
        json_of(fake_answer(anthropic(), asking(cached ? mark : "{}", false)))["usage"];
    EXPECT_EQ(usage["input_tokens"], cached ? 1 : 3);
    EXPECT_EQ(usage["cache_creation_input_tokens"], cached ? 1 : 0);
    EXPECT_EQ(usage["cache_read_input_tokens"], cached ? 1 : 0);
  }
}

TEST(FakeMessages, RefusesWhatTheRealOneRefuses) {
  const std::string messages = R"("messages":[{"role":"user","content":"x"}])";
  const struct {
    const char* name;
    std::string body;
    int status;
    const char* type;
    const char* message;
  } cases[] = {
      {"no JSON", "{", 400, "invalid_request_error", "the body is not a JSON object"},
      {"no model", "{\"max_tokens\":1," + messages + "}", 400, "invalid_request_error",
       "model: Field required"},
      {"another model", R"({"model":"c","max_tokens":1,)" + messages + "}", 404, "not_found_error",
       "model: c"},
      {"no limit", R"({"model":"fake-model",)" + messages + "}", 400, "invalid_request_error",
       "max_tokens: Field required"},
      {"a limit of nothing", R"({"model":"fake-model","max_tokens":0,)" + messages + "}", 400,
       "invalid_request_error", "max_tokens: Input should be greater than or equal to 1"},
      {"a limit in words", R"({"model":"fake-model","max_tokens":"1",)" + messages + "}", 400,
       "invalid_request_error", "max_tokens: Input should be a valid integer"},
      {"no messages", R"({"model":"fake-model","max_tokens":1})", 400, "invalid_request_error",
       "messages: Field required"},
      {"empty messages", R"({"model":"fake-model","max_tokens":1,"messages":[]})", 400,
       "invalid_request_error", "messages: at least one message is required"},
      {"no tools", asking(R"({"tool_choice":{"type":"any"}})", false).body, 400,
       "invalid_request_error", "tool_choice: no such tool was found in `tools`"},
      {"too small a budget",
       asking(R"({"thinking":{"type":"enabled","budget_tokens":1023}})", false).body, 400,
       "invalid_request_error",
       "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"},
      {"too large a budget",
       asking(R"({"thinking":{"type":"enabled","budget_tokens":4000}})", false).body, 400,
       "invalid_request_error", "`max_tokens` must be greater than `thinking.budget_tokens`."},
      {"thinking of what is decided",
       asking(R"({"thinking":{"type":"enabled","budget_tokens":1024},"tool_choice":{"type":"any"},)"
              R"("tools":[{"name":"f"}]})",
              false)
           .body,
       400, "invalid_request_error",
       "Thinking may not be enabled when tool_choice forces tool use."},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const FakeAnswer answer = fake_answer(anthropic(), post("/v1/messages", one.body));
    EXPECT_EQ(answer.status, one.status);
    EXPECT_EQ(json_of(answer), Json({{"type", "error"},
                                     {"error", {{"type", one.type}, {"message", one.message}}},
                                     {"request_id", "req_010000000000000000000001"}}));
  }
}

TEST(FakeMessages, StatusesAreOfItsTypesWithItsHeaders) {
  const struct {
    int status;
    const char* type;
    const char* remaining;
  } cases[] = {
      {401, "authentication_error", "49"},
      {403, "permission_error", "49"},
      {413, "request_too_large", "49"},
      {429, "rate_limit_error", "0"},
      {500, "api_error", "49"},
      {529, "overloaded_error", "49"},
  };
  for (const auto& one : cases) {
    const FakeScript script = anthropic({.status = one.status, .retry_after = "7"});
    const FakeAnswer answer = fake_answer(script, asking("{}", true));
    EXPECT_EQ(answer.status, one.status);
    EXPECT_EQ(json_of(answer)["error"]["type"], one.type);
    const std::string wire = fake_plan(answer, script, true).bytes();
    const std::string id = json_of(answer)["request_id"];
    for (const std::string& line :
         {std::string("retry-after: 7"), "request-id: " + id,
          std::string("anthropic-ratelimit-requests-remaining: ") + one.remaining,
          std::string("anthropic-ratelimit-input-tokens-reset: 2026-01-01T00:01:00Z")}) {
      EXPECT_NE(wire.find("\r\n" + line + "\r\n"), std::string::npos) << line;
    }
  }
}

TEST(FakeMessages, TellsOfItselfAsTheRealOne) {
  const std::string model =
      R"({"type":"model","id":"a","display_name":"a","created_at":"2026-01-01T00:00:00Z",)"
      R"("lifecycle":"active"})";
  const struct {
    const char* name;
    FakeRequest request;
    int status;
    std::string contains;
  } cases[] = {
      {"models", {"GET", "/v1/models", "", 1}, 200, "{\"data\":[" + model + ",{"},
      {"its pages",
       {"GET", "/v1/models", "", 1},
       200,
       R"("has_more":false,"first_id":"a","last_id":"b")"},
      {"one model", {"GET", "/v1/models/a", "", 1}, 200, model},
      {"another model",
       {"GET", "/v1/models/c", "", 1},
       404,
       R"("type":"not_found_error","message":"model: c")"},
      {"a count",
       post("/v1/messages/count_tokens",
            R"({"model":"a","system":"Be.","messages":[{"role":"user","content":"two words"}]})"),
       200, R"({"input_tokens":4})"},
      {"a count of nothing", post("/v1/messages/count_tokens", R"({"model":"a"})"), 400,
       "messages: Field required"},
      {"a count for another",
       post("/v1/messages/count_tokens",
            R"({"model":"c","messages":[{"role":"user","content":"x"}]})"),
       404, "model: c"},
      {"a count of what is no JSON", post("/v1/messages/count_tokens", "["), 400,
       "invalid_request_error"},
      {"another dialect", post("/v1/chat/completions", R"({"model":"a","messages":[]})"), 404,
       R"("message":"Not Found")"},
      {"another method", {"GET", "/v1/messages", "", 1}, 404, R"("type":"not_found_error")"},
      {"no such path", {"GET", "/health", "", 1}, 404, R"("type":"not_found_error")"},
  };
  const FakeScript script = anthropic({.models = {"a", "b"}});
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const FakeAnswer answer = fake_answer(script, one.request);
    EXPECT_EQ(answer.status, one.status);
    EXPECT_NE(body_of(answer).find(one.contains), std::string::npos) << body_of(answer);
    EXPECT_EQ(answer.headers.at(0).first, "request-id");
  }
  const FakeScript large = anthropic({.models = {"a"}, .context = 9});
  const Json told = json_of(fake_answer(large, {"GET", "/v1/models/a", "", 1}));
  EXPECT_EQ(told["max_input_tokens"], 9);
}

TEST(FakeMessages, OthersDoNotKnowItsPaths) {
  for (const FakeKind kind : {FakeKind::llama_cpp, FakeKind::ollama, FakeKind::vllm}) {
    EXPECT_EQ(fake_answer({.kind = kind}, asking("{}", false)).status, 404) << to_string(kind);
  }
}

TEST(FakeMessages, AsksForItsKeyIfTold) {
  using Headers = std::vector<std::pair<const char*, const char*>>;
  const struct {
    const char* name;
    Headers headers;
    int status;
    const char* says;
  } cases[] = {
      {"nothing", {}, 401, "x-api-key header is required"},
      {"another key", {{"X-Api-Key", "other"}}, 401, "invalid x-api-key"},
      {"no version", {{"X-Api-Key", "secret"}}, 400, "anthropic-version: header is required"},
      {"all", {{"X-Api-Key", "secret"}, {"anthropic-version", "2023-06-01"}}, 200, "a"},
      {"a bearer",
       {{"Authorization", "Bearer secret"}, {"anthropic-version", "2023-06-01"}},
       200,
       "a"},
      {"another bearer", {{"Authorization", "Bearer other"}}, 401, "invalid x-api-key"},
  };
  const FakeScript script = anthropic({.models = {"fake-model"}, .api_key = "secret"});
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    for (FakeRequest request : {asking("{}", false), FakeRequest{"GET", "/v1/models", "", 1}}) {
      for (const auto& [name, value] : one.headers)
        request.headers.add(name, value);
      const FakeAnswer answer = fake_answer(script, request);
      EXPECT_EQ(answer.status, one.status);
      EXPECT_NE(body_of(answer).find(one.says), std::string::npos) << body_of(answer);
    }
  }
}

// What our reader makes of a stream with that fault; the body alone has to do with the dialect.
std::string told_with(Fault fault, std::uint64_t at) {
  const FakeScript script = anthropic({.tokens = 2, .fault = fault, .at = at});
  FakeAnswer answer = fake_answer(script, asking("{}", true));
  spoil_body(answer, script);
  const std::vector<std::string> events = events_of(answer);
  AnthropicStreamReader reader;
  return told_by(reader, std::vector<std::string_view>(events.begin(), events.end()));
}

TEST(FakeMessages, FaultsOfTheBodyAreOfItsDialect) {
  const struct {
    Fault fault;
    std::uint64_t at;
    const char* told;
  } cases[] = {
      {Fault::none, 2, "start fake-model\ntext: word0 word1 \nusage 3 2\nstop end_turn\n"},
      {Fault::split_every_byte, 2,
       "start fake-model\ntext: word0 word1 \nusage 3 2\nstop end_turn\n"},
      {Fault::long_line, 2, "start fake-model\ntext: word0 word1 \nusage 3 2\nstop end_turn\n"},
      {Fault::no_done, 2, "start fake-model\ntext: word0 word1 \n"},
      {Fault::error_event_first, 2, "failed upstream_overloaded\n"},
      {Fault::error_event_mid_stream, 2, "start fake-model\nfailed upstream_overloaded\n"},
      {Fault::error_event_mid_stream, 4,
       "start fake-model\ntext: word0 failed upstream_overloaded\n"},
      {Fault::broken_json, 0, "failed upstream_garbage\n"},
      {Fault::broken_json, 1, "start fake-model\nfailed upstream_garbage\n"},
      {Fault::broken_json, 3, "start fake-model\ntext: failed upstream_garbage\n"},
      {Fault::broken_json, 99, "start fake-model\ntext: word0 word1 \nfailed upstream_garbage\n"},
      {Fault::invalid_utf8, 0, "start fake-model\ntext: failed upstream_garbage\n"},
      {Fault::invalid_utf8, 4, "start fake-model\ntext: word0 failed upstream_garbage\n"},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(told_with(one.fault, one.at), one.told) << to_string(one.fault) << ' ' << one.at;
  }
}

TEST(FakeMessages, ErrorEventsSayThatItIsOverloaded) {
  const FakeScript script = anthropic({.fault = Fault::error_event_mid_stream, .at = 3});
  FakeAnswer answer = fake_answer(script, asking("{}", true));
  spoil_body(answer, script);
  StreamGrammar grammar(Dialect::anthropic);
  for (const std::string& event : events_of(answer))
    EXPECT_EQ(grammar.check(event), "") << event;
  EXPECT_EQ(grammar.check_end(), "");
  const Json last = Json::parse(events_of(answer).back());
  EXPECT_EQ(last["error"]["type"], "overloaded_error");
}

TEST(FakeMessages, EveryFaultHasAPlan) {
  for (const Fault fault : all_faults()) {
    for (const bool stream : {false, true}) {
      const FakeScript script = anthropic({.fault = fault});
      const FakePlan plan = fake_plan(fake_answer(script, asking("{}", stream)), script, true);
      EXPECT_FALSE(plan.steps.empty()) << to_string(fault);
    }
  }
}

}  // namespace
}  // namespace rocket
