#include "testing/kept_conversations.h"

#include <algorithm>
#include <iterator>

#include "proxy/dialog.h"
#include "schema/dialect_error.h"
#include "testing/dialect_clients.h"

// What people's programs really ask, over backends of every kind, on the real request path.
namespace rocket {
namespace {

constexpr Upstream all_upstreams[] = {
    {FakeKind::llama_cpp, BackendKind::openai, Dialect::chat},
    {FakeKind::vllm, BackendKind::vllm, Dialect::chat},
    {FakeKind::lmstudio, BackendKind::lmstudio, Dialect::chat},
    {FakeKind::ollama, BackendKind::ollama, Dialect::chat},
    {FakeKind::anthropic, BackendKind::anthropic, Dialect::anthropic},
};

SimGateway::BackendSpec serving(const Upstream& upstream) {
  SimGateway::BackendSpec spec = backend(upstream);
  spec.endpoints.front().models = {"m"};
  spec.default_model = "m";
  return spec;
}

// The same request, streamed or not.
std::string asked(const KeptConversation& kept, bool stream, const std::string& lines = "") {
  json body = json::parse(kept.body);
  body["stream"] = stream;
  const auto client = std::ranges::find(clients, kept.dialect, &Client::dialect);
  return sim_post(client->path, body.dump(), lines);
}

// The answer is legal, or says legally why there is none.
void check(const KeptConversation& kept, const SimRequest& request) {
  if (request.status() != 200) {
    EXPECT_TRUE(is_error_body(kept.dialect, request.body())) << request.body();
    // Local servers are sent no addresses, and what a provider refuses is the client's to mend.
    EXPECT_EQ(request.status(), 400) << request.body();
    return;
  }
  EXPECT_TRUE(request.whole());
  if (request.header("content-type") == "application/json") {
    EXPECT_TRUE(json::parse(request.body(), nullptr, false).is_object()) << request.body();
  } else {
    EXPECT_EQ(request.header("content-type"), stream_content_type(kept.dialect));
    // The grammar is that of one choice; several are what proxy/fan_out_test is about.
    if (json::parse(kept.body).value("n", 1) > 1) return;
    EXPECT_EQ(fault_of(kept.dialect, request.body()), "") << request.body();
  }
}

// Who wants nothing to be lost is told what would be, or loses nothing.
void check_strict(const KeptConversation& kept, const SimRequest& lenient,
                  const SimRequest& strict) {
  check(kept, strict);
  if (lenient.status() != 200 || strict.status() == 200) return;
  EXPECT_NE(lenient.header("x-rocket-translation"), "") << strict.body();
  EXPECT_TRUE(strict.body().contains("x-rocket-strict")) << strict.body();
}

TEST(KeptConversations, AreAnsweredLegallyByEveryBackend) {
  const std::vector<KeptConversation> all = kept_conversations();
  for (const Upstream& upstream : all_upstreams) {
    SimGateway gateway(1, {serving(upstream)});
    size_t answered = 0;
    for (const KeptConversation& kept : all) {
      for (const bool stream : {false, true}) {
        SCOPED_TRACE(kept.name + " over " + std::string(to_string(upstream.fake)) +
                     (stream ? " streamed" : ""));
        const auto lenient = gateway.ask(asked(kept, stream));
        check(kept, *lenient);
        if (lenient->status() == 200) ++answered;
        const auto strict = gateway.ask(asked(kept, stream, "x-rocket-strict: 1\r\n"));
        check_strict(kept, *lenient, *strict);
      }
    }
    EXPECT_GT(answered, all.size()) << to_string(upstream.fake);
    EXPECT_EQ(gateway.malformed(), 0U);
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// What is said to a model stands in members of these names, in every dialect.
bool says(const std::string& key) {
  constexpr std::string_view names[] = {"text",        "content", "thinking", "reasoning_content",
                                        "reasoning",   "refusal", "output",   "instructions",
                                        "description", "prompt",  "system"};
  return std::ranges::find(names, key) != std::end(names);
}

void add_texts(const json& value, std::vector<std::string>& texts) {
  for (const auto& [key, member] : value.items()) {
    if (member.is_string() && says(key)) texts.push_back(member.get<std::string>());
    if (member.is_structured()) add_texts(member, texts);
  }
}

std::vector<std::string> texts_of(const std::string& body) {
  std::vector<std::string> texts;
  add_texts(json::parse(body), texts);
  return texts;
}

// The body of what was asked last; empty: nothing was.
std::string last_asked(SimGateway& gateway) {
  const auto& requests = gateway.fake("one").recorder().requests();
  const auto last = std::ranges::find_if(requests.rbegin(), requests.rend(), [](const auto& one) {
    return one.head.starts_with("POST");
  });
  return last == requests.rend() ? "" : last->body;
}

TEST(KeptConversations, NoTextIsLostInSilence) {
  for (const Upstream& upstream : all_upstreams) {
    SimGateway gateway(1, {serving(upstream)});
    size_t told = 0;
    for (const KeptConversation& kept : kept_conversations()) {
      SCOPED_TRACE(kept.name + " over " + std::string(to_string(upstream.fake)));
      gateway.fake("one").recorder().clear();
      const auto request = gateway.ask(asked(kept, false));
      const std::string sent = last_asked(gateway);
      if (request->status() != 200 || sent.empty()) continue;
      std::string all;
      for (const std::string& text : texts_of(sent))
        all += text + "\n";
      for (const std::string& text : texts_of(kept.body)) {
        if (text.find_first_not_of(" \t\r\n") == std::string::npos) continue;
        if (all.contains(text)) {
          ++told;
        } else {
          EXPECT_NE(request->header("x-rocket-translation"), "") << text;
        }
      }
    }
    EXPECT_GT(told, 50U) << to_string(upstream.fake);
  }
}

}  // namespace
}  // namespace rocket
