// Holds the fakes against recordings of the servers that they pass for.

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "testing/cassette.h"
#include "testing/fake_body.h"
#include "testing/fake_dialect.h"
#include "wire/sse.h"

namespace rocket {
namespace {

using nlohmann::json;
using Paths = std::set<std::string>;

// Every member of a document with its type, elements of an array taken together:
// "choices[].delta.content string".
void add_paths(const json& value, const std::string& path, Paths& paths) {
  if (value.is_object()) {
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const auto& [key, member] : value.items())
      add_paths(member, prefix + key, paths);
  } else if (value.is_array()) {
    paths.insert(path + "[]");
    for (const json& element : value)
      add_paths(element, path + "[]", paths);
  } else {
    paths.insert(path + ' ' + value.type_name());
  }
}

Paths paths_of(const json& document) {
  Paths paths;
  add_paths(document, "", paths);
  return paths;
}

Paths only_in_first(const Paths& first, const Paths& second) {
  Paths rest;
  std::ranges::set_difference(first, second, std::inserter(rest, rest.end()));
  return rest;
}

// What an event is for, all of it: "role content".
std::string kind_of_event(const std::string& data) {
  if (data == "[DONE]") return "done";
  const json event = json::parse(data);
  std::string kind;
  const auto add = [&kind](const char* part) {
    kind += (kind.empty() ? "" : " ") + std::string(part);
  };
  for (const json& choice : event["choices"]) {
    const json delta = choice.value("delta", json::object());
    const json text = choice.contains("text") ? choice["text"] : delta.value("content", json());
    if (delta.contains("role")) add("role");
    if (text.is_string() && text != "") add("content");
    if (choice["finish_reason"].is_string()) add("finish");
  }
  if (event.contains("usage")) add("usage");
  return kind;
}

struct StreamShape {
  std::vector<std::string> kinds;                     // in order, without repetitions
  std::vector<std::pair<std::string, Paths>> events;  // by kind
  Paths paths;                                        // of all of them

  [[nodiscard]] Paths paths_of_kind(const std::string& kind) const {
    Paths all;
    for (const auto& [other, found] : events) {
      if (other == kind) all.insert(found.begin(), found.end());
    }
    return all;
  }
};

StreamShape shape_of(const std::string& body) {
  StreamShape shape;
  SseSplitter splitter(1024 * 1024);
  const auto fed = splitter.feed(body, [&shape](const SseEvent& event) {
    const std::string data(event.data);
    const std::string kind = kind_of_event(data);
    if (shape.kinds.empty() || shape.kinds.back() != kind) shape.kinds.push_back(kind);
    const Paths paths = data == "[DONE]" ? Paths() : paths_of(json::parse(data));
    shape.events.emplace_back(kind, paths);
    shape.paths.insert(paths.begin(), paths.end());
  });
  EXPECT_TRUE(fed && !splitter.unfinished());
  return shape;
}

FakeKind kind_of_server(const std::string& server) {
  return server == "llama-server" ? FakeKind::llama_cpp : fake_kind(server).value();
}

// The same request put to a fake of that server.
FakeAnswer ask_fake(const Cassette& cassette) {
  FakeScript script;
  script.kind = kind_of_server(cassette.server);
  script.models = {"fake-model"};
  script.tokens = 100;  // more than was asked for, as in the recording
  if (cassette.name == "ps") script.loaded = script.models;
  std::string body(cassette.request_body());
  json members = json::parse(body, nullptr, false);
  if (members.is_object() && cassette.name != "error-unknown-model") {
    members["model"] = "fake-model";
    body = members.dump();
  }
  return fake_answer(script, {cassette.method(), cassette.path(), body, 1});
}

// What Rocket reads of an answer to that request.
Paths read_by_rocket(const Cassette& cassette) {
  const bool chat = cassette.path() == "/v1/chat/completions";
  switch (cassette.kind()) {
    case Cassette::Kind::inventory:
      if (cassette.name == "ps-nothing-loaded") return {"models[]"};
      if (cassette.path() == "/v1/models") return {"data[].id string"};
      return {"models[].name string"};
    case Cassette::Kind::answer:
      if (cassette.path() == "/v1/embeddings")
        return {"model string", "usage.prompt_tokens number"};
      return {"model string", "choices[].finish_reason string", "usage.prompt_tokens number",
              "usage.completion_tokens number",
              chat ? "choices[].message.content string" : "choices[].text string"};
    case Cassette::Kind::stream: {
      Paths paths{"model string", "choices[].finish_reason string",
                  chat ? "choices[].delta.content string" : "choices[].text string"};
      if (cassette.name.ends_with("usage")) {
        paths.insert({"usage.prompt_tokens number", "usage.completion_tokens number"});
      }
      return paths;
    }
    case Cassette::Kind::state:
    case Cassette::Kind::refusal: return {};
  }
  return {};
}

class FakeFidelity : public testing::TestWithParam<Cassette> {};

TEST_P(FakeFidelity, StatusAndContentType) {
  const RecordedAnswer real = answer_of(GetParam());
  const FakeAnswer fake = ask_fake(GetParam());
  EXPECT_EQ(fake.status, real.head.status) << body_of(fake);
  EXPECT_EQ(fake.content_type, real.content_type());
}

TEST_P(FakeFidelity, SaysNothingThatTheServerDoesNot) {
  const RecordedAnswer real = answer_of(GetParam());
  const FakeAnswer fake = ask_fake(GetParam());
  if (GetParam().kind() == Cassette::Kind::stream) {
    const StreamShape said = shape_of(body_of(fake));
    const StreamShape recorded = shape_of(real.body);
    EXPECT_EQ(said.kinds, recorded.kinds);
    for (const std::string& kind : said.kinds) {
      EXPECT_EQ(only_in_first(said.paths_of_kind(kind), recorded.paths_of_kind(kind)), Paths())
          << "in an event for " << kind;
    }
  } else if (real.content_type().starts_with("application/json")) {
    const Paths said = paths_of(json::parse(body_of(fake)));
    EXPECT_EQ(only_in_first(said, paths_of(json::parse(real.body))), Paths());
    EXPECT_EQ(body_of(fake).ends_with('\n'), real.body.ends_with('\n'));
  } else {
    EXPECT_EQ(body_of(fake), real.body);
  }
}

TEST_P(FakeFidelity, SaysWhatRocketReads) {
  const bool stream = GetParam().kind() == Cassette::Kind::stream;
  const auto paths = [stream](const std::string& body) {
    if (stream) return shape_of(body).paths;
    const json document = json::parse(body, nullptr, false);
    return document.is_discarded() ? Paths() : paths_of(document);
  };
  const Paths needed = read_by_rocket(GetParam());
  EXPECT_EQ(only_in_first(needed, paths(answer_of(GetParam()).body)), Paths()) << "recorded";
  EXPECT_EQ(only_in_first(needed, paths(body_of(ask_fake(GetParam())))), Paths()) << "fake";
}

INSTANTIATE_TEST_SUITE_P(Servers, FakeFidelity,
                         testing::ValuesIn(load_cassettes(ROCKET_SOURCE_DIR "/tests/cassettes")),
                         [](const auto& one) { return test_name(one.param); });

}  // namespace
}  // namespace rocket
