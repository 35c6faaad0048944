#include "testing/fake_backend.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "testing/sim_net.h"

namespace rocket {
namespace {

constexpr const char* host = "fake";
constexpr std::uint16_t port = 8000;

std::string post(const std::string& path, const nlohmann::json& body) {
  const std::string text = body.dump();
  return fmt::format("POST {} HTTP/1.1\r\nHost: fake\r\nContent-Length: {}\r\n\r\n{}", path,
                     text.size(), text);
}

std::string get(const std::string& path) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: fake\r\n\r\n", path);
}

nlohmann::json chat(const nlohmann::json& fake = nlohmann::json::object(), bool stream = true) {
  return {{"model", "fake-model"},
          {"stream", stream},
          {"messages", {{{"role", "user"}, {"content", "hello"}}}},
          {"fake", fake}};
}

// A fake backend and one client connection to it.
class Fake : public testing::Test {
 protected:
  void SetUp() override {
    net_.listen(host, port, [this](auto stream) { tasks_.spawn(fake_.serve(std::move(stream))); });
    connect();
  }

  void connect() {
    client_.reset();
    std::optional<Result<std::unique_ptr<ByteStream>>> dialled;
    tasks_.spawn(dial(net_.dialer(), dialled));
    loop_.run_for(10ms);
    client_ = std::move(dialled->value());
  }

  void send(std::string bytes) {
    const iovec piece{bytes.data(), bytes.size()};
    ASSERT_EQ(client_->try_write({&piece, 1}).bytes, bytes.size());
  }

  // All that has come by then.
  std::string receive(Duration time) {
    std::string all;
    std::string buffer(1 << 16, '\0');
    const TimePoint end = loop_.now() + time;
    while (loop_.now() < end) {
      loop_.run_for(1ms);
      const IoResult result = client_->try_read(buffer);
      all.append(buffer, 0, result.bytes);
      last_ = result.status;
    }
    return all;
  }

  std::string ask(std::string request, Duration time = 100ms) {
    send(std::move(request));
    return receive(time);
  }

  static Task<> dial(Dialer& dialer, std::optional<Result<std::unique_ptr<ByteStream>>>& out) {
    Address address{host, port, false, ""};
    auto stream = co_await dialer.dial(std::move(address), never);
    out = std::move(stream);
  }

  SimLoop loop_;
  SimNet net_{loop_, 1};
  FakeBackend fake_{loop_, FakeScript{}, [](ByteStream& s) { SimStream::reset(s); }};
  std::unique_ptr<ByteStream> client_;
  IoResult::Status last_ = IoResult::Status::would_block;
  TaskGroup tasks_{loop_.run_queue()};
};

TEST_F(Fake, answers_one_request_after_another_on_a_connection) {
  for (int i = 1; i <= 3; ++i) {
    const std::string answer = ask(post("/v1/chat/completions", chat()));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(answer.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"));
    EXPECT_EQ(fake_.counters().played, static_cast<std::uint64_t>(i));
  }
  EXPECT_EQ(last_, IoResult::Status::would_block);
  EXPECT_EQ(fake_.counters().connections, 1U);
}

TEST_F(Fake, answers_pipelined_requests_in_order) {
  const std::string answer =
      ask(get("/health") + post("/v1/chat/completions", chat()) + get("/nowhere"));
  const std::size_t health = answer.find(R"({"status":"ok"})");
  const std::size_t done = answer.find("[DONE]");
  const std::size_t missing = answer.find("File Not Found");
  EXPECT_LT(health, done);
  EXPECT_LT(done, missing);
  EXPECT_NE(missing, std::string::npos);
  EXPECT_EQ(fake_.counters().probes, 2U);
  EXPECT_EQ(fake_.counters().requests, 1U);
}

TEST_F(Fake, records_what_arrived_to_the_byte) {
  const std::string first = post("/v1/chat/completions", chat());
  const std::string chunked =
      "POST /v1/embeddings HTTP/1.1\r\nHost: fake\r\nTransfer-Encoding: chunked\r\n\r\n"
      "6\r\n{\"inpu\r\n9\r\nt\":\"text\"\r\n1\r\n}\r\n0\r\n\r\n";
  const std::string cut = "POST /v1/chat/completions HTTP/1.1\r\nHost: fa";
  (void)ask(first + chunked + cut);
  client_.reset();
  loop_.run_for(10ms);
  const auto& recorded = fake_.recorder().requests();
  ASSERT_EQ(recorded.size(), 3U);
  EXPECT_EQ(recorded[0].raw, first);
  EXPECT_EQ(recorded[0].head + recorded[0].body, first);
  EXPECT_EQ(recorded[1].raw, chunked);
  EXPECT_EQ(recorded[1].body, R"({"input":"text"})");
  EXPECT_TRUE(recorded[1].complete);
  EXPECT_EQ(recorded[2].raw, cut);
  EXPECT_FALSE(recorded[2].complete);
  EXPECT_EQ(recorded[2].connection, 1U);
}

TEST_F(Fake, refuses_what_is_not_http) {
  const std::string answer = ask("BLAH\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 "));
  EXPECT_EQ(last_, IoResult::Status::end);
  EXPECT_EQ(fake_.counters().malformed, 1U);
  EXPECT_EQ(fake_.recorder().requests().at(0).raw, "BLAH\r\n\r\n");
}

TEST_F(Fake, tells_a_client_that_expects_it_to_go_on) {
  send(
      "POST /v1/embeddings HTTP/1.1\r\nHost: fake\r\nExpect: 100-continue\r\n"
      "Content-Length: 13\r\n\r\n");
  EXPECT_EQ(receive(10ms), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(ask(R"({"input":"x"})").starts_with("HTTP/1.1 200 OK\r\n"));
}

struct RequestCase {
  const char* name;
  FakeKind kind;
  std::string request;
  int status;
  const char* contains;
};

class FakeAnswers : public testing::TestWithParam<RequestCase> {};

TEST_P(FakeAnswers, as_its_kind_does) {
  const RequestCase& given = GetParam();
  FakeScript script{.kind = given.kind, .models = {"a", "b:latest"}, .loaded = {"a"}};
  const std::size_t blank = given.request.find(' ');
  const std::string path =
      given.request.substr(blank + 1, given.request.find(' ', blank + 1) - blank - 1);
  const FakeRequest request{given.request.substr(0, blank), path,
                            given.request.substr(given.request.find("\r\n\r\n") + 4), 1};
  const FakeAnswer answer = fake_answer(script, request);
  EXPECT_EQ(answer.status, given.status);
  std::string body;
  for (const std::string& piece : answer.pieces)
    body += piece;
  EXPECT_NE(body.find(given.contains), std::string::npos) << body;
}

const nlohmann::json messages = nlohmann::json::array({{{"role", "user"}, {"content", "hello"}}});
const nlohmann::json other_model{{"model", "b"}, {"messages", messages}};
const nlohmann::json wrong_model{{"model", "c"}, {"messages", messages}};

INSTANTIATE_TEST_SUITE_P(
    Cases, FakeAnswers,
    testing::Values(
        RequestCase{"llama_models", FakeKind::llama_cpp, get("/v1/models"), 200, R"("id":"a")"},
        RequestCase{"llama_any_model", FakeKind::llama_cpp,
                    post("/v1/chat/completions", wrong_model), 200, R"("model":"a")"},
        RequestCase{"llama_missing", FakeKind::llama_cpp, get("/x"), 404, "not_found_error"},
        RequestCase{"ollama_version", FakeKind::ollama, get("/api/version"), 200, "0.17.4"},
        RequestCase{"ollama_tags", FakeKind::ollama, get("/api/tags"), 200, R"("name":"b:latest")"},
        RequestCase{"ollama_ps", FakeKind::ollama, get("/api/ps"), 200, R"("name":"a")"},
        RequestCase{"ollama_latest", FakeKind::ollama, post("/v1/chat/completions", other_model),
                    200, R"("model":"b")"},
        RequestCase{"ollama_wrong", FakeKind::ollama, post("/v1/chat/completions", wrong_model),
                    404, "api_error"},
        RequestCase{"ollama_missing", FakeKind::ollama, get("/health"), 404, "404 page not found"},
        RequestCase{"ollama_show", FakeKind::ollama, post("/api/show", {{"model", "a"}}), 200,
                    R"("model_info")"},
        RequestCase{"ollama_show_wrong", FakeKind::ollama, post("/api/show", {{"model", "c"}}), 404,
                    ""},
        RequestCase{"ollama_chat", FakeKind::ollama,
                    post("/api/chat", {{"model", "b"}, {"stream", false}, {"messages", messages}}),
                    200, R"("message":{"role":"assistant","content":"word0 word1 word2 word3 "})"},
        RequestCase{"ollama_generate", FakeKind::ollama,
                    post("/api/generate", {{"model", "a"}, {"prompt", "x"}}), 200,
                    R"("response":"word3 ","done":false})"},
        RequestCase{"ollama_end", FakeKind::ollama,
                    post("/api/generate",
                         {{"model", "a"}, {"prompt", "x"}, {"options", {{"num_predict", 2}}}}),
                    200, R"("done":true,"done_reason":"length")"},
        RequestCase{"ollama_load", FakeKind::ollama, post("/api/generate", {{"model", "a"}}), 200,
                    R"("done_reason":"load")"},
        RequestCase{"ollama_embed", FakeKind::ollama,
                    post("/api/embed", {{"model", "a"}, {"input", {"x", "y"}}}), 200,
                    R"("embeddings":[[)"},
        RequestCase{"ollama_chat_wrong", FakeKind::ollama, post("/api/chat", wrong_model), 404,
                    R"({"error":"model 'c' not found"})"},
        RequestCase{"others_have_no_api", FakeKind::vllm, post("/api/chat", other_model), 404,
                    "Not Found"},
        RequestCase{"llama_slots", FakeKind::llama_cpp, get("/slots"), 200,
                    R"([{"id":0,"is_processing":false},{"id":1,"is_processing":false}])"},
        RequestCase{"llama_metrics", FakeKind::llama_cpp, get("/metrics"), 200,
                    "\nllamacpp:requests_deferred 0"},
        RequestCase{"vllm_metrics", FakeKind::vllm, get("/metrics"), 200,
                    "\nvllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} 0"},
        RequestCase{"vllm_health", FakeKind::vllm, get("/health"), 200, ""},
        RequestCase{"vllm_wrong", FakeKind::vllm, post("/v1/chat/completions", wrong_model), 404,
                    "NotFoundError"},
        RequestCase{"vllm_missing", FakeKind::vllm, get("/x"), 404, R"({"detail":"Not Found"})"},
        RequestCase{"lmstudio_v1", FakeKind::lmstudio, get("/api/v1/models"), 200,
                    R"("key":"a","loaded_instances":[{"id":"a"}])"},
        RequestCase{"lmstudio_v0", FakeKind::lmstudio, get("/api/v0/models"), 200,
                    R"("state":"not-loaded")"},
        RequestCase{"lmstudio_missing", FakeKind::lmstudio, get("/x"), 200,
                    "Unexpected endpoint or method. (GET /x)"},
        RequestCase{"no_json", FakeKind::vllm,
                    "POST /v1/completions HTTP/1.1\r\nHost: fake\r\n\r\n{", 400, "BadRequestError"},
        RequestCase{"no_messages", FakeKind::llama_cpp,
                    post("/v1/chat/completions", {{"model", "a"}}), 400, "'messages' is required"},
        RequestCase{"prompts", FakeKind::vllm,
                    post("/v1/completions", {{"model", "a"}, {"prompt", {"x", "y"}}}), 200,
                    R"("index":1,"text":"word0 )"},
        RequestCase{"max_tokens", FakeKind::vllm,
                    post("/v1/completions", {{"model", "a"}, {"prompt", "x"}, {"max_tokens", 2}}),
                    200, R"("text":"word0 word1 ","logprobs":null,"finish_reason":"length")"},
        RequestCase{"vectors", FakeKind::ollama,
                    post("/v1/embeddings", {{"model", "a"}, {"input", {"x", "y"}}}), 200,
                    R"("object":"embedding","index":1)"}),
    [](const auto& tested) { return tested.param.name; });

TEST_F(Fake, a_request_overrides_the_script) {
  const std::string answer = ask(post(
      "/v1/chat/completions", chat({{"tokens", 2}, {"word", "mark"}, {"status", 200}}, false)));
  EXPECT_NE(answer.find(R"("content":"mark0 mark1 ")"), std::string::npos) << answer;
  EXPECT_NE(ask(post("/v1/chat/completions", chat({{"fualt", "garbage"}}))).find("fake.fualt"),
            std::string::npos);
  EXPECT_NE(ask(post("/v1/chat/completions", chat({{"fault", "no such"}}))).find("fake.fault"),
            std::string::npos);
  EXPECT_EQ(fake_.script().tokens, 4U);
}

TEST_F(Fake, what_is_said_to_it_overrides_the_script) {
  const nlohmann::json mark = R"(fake: {"tokens":2,"word":"mark"})";
  const nlohmann::json parts = {{{"type", "text"}, {"text", mark}}};
  for (const nlohmann::json& content : {mark, parts}) {
    nlohmann::json request = chat({}, false);
    request.erase("fake");
    request["messages"][0]["content"] = content;
    const std::string answer = ask(post("/v1/chat/completions", request));
    EXPECT_NE(answer.find(R"("content":"mark0 mark1 ")"), std::string::npos) << answer;
  }
}

// Who watches learns when there is nothing left to be said, not when the connection is over.
TEST_F(Fake, a_watch_ends_with_what_is_said) {
  std::weak_ptr<int> watched;
  fake_.watch([&](const FakeBackend::Asked&) {
    auto watch = std::make_shared<int>();
    watched = watch;
    return watch;
  });
  const struct {
    const char* fault;
    int at;
    bool stream;
    bool over;  // while the fake waits for its client to go
  } cases[] = {
      {"hang_before_head", 0, false, false}, {"hang_mid_stream", 3, false, false},
      {"hang_mid_stream", 4, false, true},   {"hang_mid_stream", 6, true, false},
      {"hang_mid_stream", 7, true, true},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(testing::Message() << one.fault << " at " << one.at);
    connect();
    (void)ask(
        post("/v1/chat/completions", chat({{"fault", one.fault}, {"at", one.at}}, one.stream)));
    EXPECT_EQ(watched.expired(), one.over);
    EXPECT_EQ(fake_.counters().in_flight, 1U);
    client_.reset();
    loop_.run_for(10ms);
    EXPECT_TRUE(watched.expired());
  }
}

TEST_F(Fake, keeps_its_delays) {
  send(post("/v1/chat/completions",
            chat({{"head_delay_ms", 1000}, {"event_delay_ms", 500}, {"tokens", 3}})));
  EXPECT_EQ(receive(999ms), "");
  const std::string head = receive(100ms);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_EQ(head.find("data:"), std::string::npos);
  EXPECT_NE(receive(500ms).find(R"("role":"assistant")"), std::string::npos);
  EXPECT_NE(receive(500ms).find("word0"), std::string::npos);
}

TEST_F(Fake, notices_a_client_that_goes) {
  for (const char* fault : {"hang_before_head", "hang_mid_stream", "drip_body", "endless_head"}) {
    SCOPED_TRACE(fault);
    connect();
    const std::uint64_t aborted = fake_.counters().aborted;
    (void)ask(post("/v1/chat/completions", chat({{"fault", fault}})));
    EXPECT_EQ(fake_.counters().in_flight, 1U);
    client_.reset();
    loop_.run_for(10ms);
    EXPECT_EQ(fake_.counters().in_flight, 0U);
    EXPECT_EQ(fake_.counters().aborted, aborted + 1);
    EXPECT_EQ(fake_.counters().open_connections, 0U);
  }
}

TEST_F(Fake, resets_and_ends_mid_stream_behind_what_it_sent) {
  for (const bool reset : {true, false}) {
    connect();
    const std::string answer =
        ask(post("/v1/chat/completions",
                 chat({{"fault", reset ? "reset_mid_stream" : "end_mid_stream"}, {"at", 2}})));
    EXPECT_NE(answer.find("word0"), std::string::npos);
    EXPECT_EQ(answer.find("word1"), std::string::npos);
    EXPECT_EQ(last_, reset ? IoResult::Status::failed : IoResult::Status::end);
  }
}

TEST_F(Fake, every_fault_leaves_nothing_behind) {
  for (const Fault fault : all_faults()) {
    for (const bool stream : {true, false}) {
      SCOPED_TRACE(testing::Message() << to_string(fault) << (stream ? " streamed" : " whole"));
      connect();
      (void)ask(post("/v1/chat/completions", chat({{"fault", to_string(fault)}}, stream)), 50ms);
      client_.reset();
      ASSERT_TRUE(loop_.run_until_idle(10min));
      const FakeCounters& counters = fake_.counters();
      EXPECT_EQ(counters.in_flight, 0U);
      EXPECT_EQ(counters.requests, counters.played + counters.aborted);
      EXPECT_EQ(counters.open_connections, 0U);
      EXPECT_EQ(net_.open_connections(host, port), 0U);
    }
  }
  EXPECT_EQ(tasks_.size(), 0U);
}

TEST_F(Fake, statuses_come_with_their_headers) {
  const std::string limited = ask(post("/v1/chat/completions", chat({{"fault", "status_429"}})));
  EXPECT_TRUE(limited.starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_NE(limited.find("Retry-After: 1\r\n"), std::string::npos);
  EXPECT_TRUE(ask(post("/v1/chat/completions", chat({{"fault", "status_529"}})))
                  .starts_with("HTTP/1.1 529 "));
}

TEST_F(Fake, faults_spare_probes_unless_told) {
  fake_.script().fault = Fault::garbage;
  EXPECT_TRUE(ask(get("/v1/models")).starts_with("HTTP/1.1 200 "));
  fake_.script().fault_probes = true;
  EXPECT_FALSE(ask(get("/v1/models")).starts_with("HTTP/1.1"));
}

TEST_F(Fake, an_unhealthy_one_answers_503) {
  fake_.script().healthy = false;
  EXPECT_NE(ask(get("/health")).find("Loading model"), std::string::npos);
  EXPECT_TRUE(ask(post("/v1/chat/completions", chat())).starts_with("HTTP/1.1 503 "));
}

TEST_F(Fake, checks_the_host_if_told) {
  fake_.script().host = "127.0.0.1:11434";
  EXPECT_TRUE(ask(get("/v1/models")).starts_with("HTTP/1.1 403 Forbidden\r\n"));
}

TEST_F(Fake, sees_the_headers) {
  fake_.script().kind = FakeKind::anthropic;
  fake_.script().api_key = "secret";
  EXPECT_TRUE(ask(get("/v1/models")).starts_with("HTTP/1.1 401 Unauthorized\r\n"));
  const std::string answer =
      ask("GET /v1/models HTTP/1.1\r\nHost: fake\r\nX-Api-Key: secret\r\n"
          "Anthropic-Version: 2023-06-01\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
}

TEST_F(Fake, answers_for_messages) {
  fake_.script().kind = FakeKind::anthropic;
  nlohmann::json request = chat();
  request["max_tokens"] = 10;
  EXPECT_TRUE(ask(post("/v1/messages", request)).ends_with("\"message_stop\"}\n\n\r\n0\r\n\r\n"));
  request["fake"] = {{"fault", "status_429"}};
  const std::string limited = ask(post("/v1/messages", request));
  EXPECT_TRUE(limited.starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_NE(limited.find("\r\nretry-after: 1\r\n"), std::string::npos);
  EXPECT_EQ(fake_.counters().requests, 2U);
  EXPECT_EQ(fake_.counters().probes, 0U);
}

TEST_F(Fake, closes_idle_connections) {
  fake_.script().keep_alive = 5s;
  (void)ask(get("/health"));
  (void)receive(4500ms);
  EXPECT_EQ(last_, IoResult::Status::would_block);
  (void)receive(1s);
  EXPECT_EQ(last_, IoResult::Status::end);
}

}  // namespace
}  // namespace rocket
