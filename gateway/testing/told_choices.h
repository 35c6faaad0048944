#pragma once

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "testing/sim_gateway.h"
#include "wire/sse.h"

// What the tests of several choices have in common: backends, requests, and what is heard of them.
namespace rocket::told_choices {

using nlohmann::json;

inline SimGateway::BackendSpec backend(const std::string& name, FakeKind fake,
                                       std::vector<FakeScript> endpoints) {
  for (FakeScript& one : endpoints)
    one.kind = fake;
  const BackendKind kind = fake == FakeKind::ollama      ? BackendKind::ollama
                           : fake == FakeKind::vllm      ? BackendKind::vllm
                           : fake == FakeKind::lmstudio  ? BackendKind::lmstudio
                           : fake == FakeKind::anthropic ? BackendKind::anthropic
                                                         : BackendKind::openai;
  return {
      .name = name, .endpoints = std::move(endpoints), .default_model = "fake-model", .kind = kind};
}

inline SimGateway::BackendSpec ollama(std::vector<FakeScript> endpoints = {FakeScript{}}) {
  return backend("ollama", FakeKind::ollama, std::move(endpoints));
}

inline SimGateway::BackendSpec vllm(std::vector<FakeScript> endpoints = {FakeScript{}}) {
  return backend("vllm", FakeKind::vllm, std::move(endpoints));
}

inline FakeScript with_fault(Fault fault, double share = 1) {
  FakeScript script;
  script.fault = fault;
  script.fault_share = share;
  return script;
}

inline std::string ask(bool stream, const std::string& more, const std::string& lines = "") {
  return sim_post("/v1/chat/completions",
                  "{" + more + R"("model":"fake-model","stream":)" + (stream ? "true" : "false") +
                      R"(,"messages":[{"role":"user","content":"one two"}]})",
                  lines);
}

inline constexpr FakeKind one_choice[] = {FakeKind::ollama, FakeKind::lmstudio, FakeKind::llama_cpp,
                                          FakeKind::anthropic};

// The data of a stream's events, [DONE] included.
inline std::vector<std::string> events_of(const std::string& body) {
  std::vector<std::string> events;
  SseSplitter splitter(1U << 20U);
  const auto fed = splitter.feed(body, [&](const SseEvent& event) {
    if (!event.data.empty()) events.emplace_back(event.data);
  });
  EXPECT_TRUE(fed.has_value());
  return events;
}

// What a stream says of one choice.
struct Heard {
  std::string text;
  std::string role;
  std::string finish;
};

struct Stream {
  std::map<int, Heard> choices;
  std::vector<int> order;  // of the events' choices
  std::set<std::string> ids;
  std::vector<json> usages;
  size_t done = 0;
  size_t errors = 0;
};

inline Stream read_stream(const std::string& body) {
  Stream stream;
  for (const std::string& data : events_of(body)) {
    EXPECT_EQ(stream.done, 0U) << "nothing comes behind [DONE]";
    if (data == "[DONE]") {
      ++stream.done;
      continue;
    }
    json event = json::parse(data);
    if (event.contains("error")) {
      ++stream.errors;
      continue;
    }
    stream.ids.insert(event["id"].get<std::string>());
    if (event.contains("usage") && !event["usage"].is_null())
      stream.usages.push_back(event["usage"]);
    for (json& choice : event["choices"]) {
      const int index = choice["index"];
      Heard& heard = stream.choices[index];
      stream.order.push_back(index);
      EXPECT_EQ(heard.finish, "") << "nothing comes behind a choice's end";
      if (choice.contains("text")) heard.text += choice["text"];
      json& delta = choice["delta"];
      if (delta.contains("role")) heard.role = delta["role"];
      if (delta.contains("content") && delta["content"].is_string()) heard.text += delta["content"];
      if (choice["finish_reason"].is_string()) heard.finish = choice["finish_reason"];
    }
  }
  return stream;
}

inline std::vector<json> bodies_at(SimGateway& gateway, const std::string& backend,
                                   size_t endpoint = 0) {
  std::vector<json> bodies;
  for (const RecordedRequest& one : gateway.fake(backend, endpoint).recorder().requests()) {
    if (one.head.starts_with("POST /v1/")) bodies.push_back(json::parse(one.body));
  }
  return bodies;
}

}  // namespace rocket::told_choices
