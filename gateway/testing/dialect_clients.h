#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "schema/stream_grammar.h"
#include "testing/sim_gateway.h"
#include "wire/ndjson.h"
#include "wire/sse.h"

// Clients of every dialect, and backends of every kind, for the tests of how they meet.
namespace rocket {

using nlohmann::json;

// How a client of each dialect asks, and what it finds in the answer.
struct Client {
  Dialect dialect;
  const char* path;
  const char* ask;     // the members of its body that say what is asked
  const char* answer;  // where the text of a whole answer is
};

inline constexpr Client clients[] = {
    {Dialect::chat, "/v1/chat/completions", R"("messages":[{"role":"user","content":"hi"}])",
     "/choices/0/message/content"},
    {Dialect::responses, "/v1/responses", R"("input":"hi")", "/output/0/content/0/text"},
    {Dialect::anthropic, "/v1/messages",
     R"("max_tokens":50,"messages":[{"role":"user","content":"hi"}])", "/content/0/text"},
    {Dialect::ollama, "/api/chat", R"("messages":[{"role":"user","content":"hi"}])",
     "/message/content"},
    {Dialect::generate, "/api/generate", R"("prompt":"hi")", "/response"},
};

struct Upstream {
  FakeKind fake;
  BackendKind kind;
  Dialect asked_in;  // by clients of dialects that it does not speak
};

inline constexpr Upstream upstreams[] = {
    {FakeKind::llama_cpp, BackendKind::openai, Dialect::chat},
    {FakeKind::vllm, BackendKind::vllm, Dialect::chat},
    {FakeKind::lmstudio, BackendKind::lmstudio, Dialect::chat},
    {FakeKind::anthropic, BackendKind::anthropic, Dialect::anthropic},
};

inline SimGateway::BackendSpec backend(const Upstream& upstream, FakeScript script = {}) {
  script.kind = upstream.fake;
  return {.name = "one",
          .endpoints = {std::move(script)},
          .default_model = "fake-model",
          .kind = upstream.kind};
}

inline std::string ask(const Client& client, bool stream, const std::string& more = "",
                       const std::string& lines = "") {
  const std::string streamed = stream ? "true" : "false";
  return sim_post(
      client.path,
      "{" + more + R"("model":"fake-model","stream":)" + streamed + "," + client.ask + "}", lines);
}

// The data of each event of a stream.
inline std::vector<std::string> events_of(Dialect dialect, const std::string& body) {
  std::vector<std::string> events;
  Result<void> fed;
  if (is_ollama(dialect)) {
    NdjsonSplitter lines(1U << 20U);
    fed = lines.feed(body, [&](std::string_view line) { events.emplace_back(line); });
  } else {
    SseSplitter splitter(1U << 20U);
    fed = splitter.feed(body, [&](const SseEvent& event) {
      if (!event.data.empty()) events.emplace_back(event.data);
    });
  }
  EXPECT_TRUE(fed.has_value());
  return events;
}

// What is wrong with a stream that has to be whole; empty: nothing.
inline std::string fault_of(Dialect dialect, const std::string& body) {
  StreamGrammar grammar(dialect);
  for (const std::string& event : events_of(dialect, body)) {
    const std::string wrong = grammar.check(event);
    if (!wrong.empty()) return wrong + " in " + event;
  }
  return grammar.check_end();
}

// Empty for whatever is no text, or not there.
inline std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// What a stream says, all its texts together.
inline std::string said(Dialect dialect, const std::string& body) {
  std::string text;
  for (const std::string& data : events_of(dialect, body)) {
    json event = json::parse(data, nullptr, false);
    if (!event.is_object()) continue;
    switch (dialect) {
      case Dialect::chat:
        for (json& choice : event["choices"])
          text += text_at(choice["delta"], "content");
        break;
      case Dialect::responses:
        if (event["type"] == "response.output_text.delta") text += text_at(event, "delta");
        break;
      case Dialect::anthropic:
        if (event["type"] == "content_block_delta") text += text_at(event["delta"], "text");
        break;
      case Dialect::ollama: text += text_at(event["message"], "content"); break;
      case Dialect::generate: text += text_at(event, "response"); break;
    }
  }
  return text;
}

}  // namespace rocket
