#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "schema/translator.h"
#include "testing/conversation_text.h"
#include "testing/random_conversation.h"

namespace rocket {
namespace {

// What a model can give, where Anthropic has to be told.
constexpr RequestFrame request_frame{.max_tokens = 4096};

constexpr Dialect upstream_dialects[] = {Dialect::chat, Dialect::responses, Dialect::anthropic,
                                         Dialect::ollama};
constexpr std::uint64_t runs = 1000;

// What a conversation that was read with this loss becomes in `target`; empty: the same.
std::string difference(const Conversation& first, TranslationLoss loss, Dialect target) {
  const std::string written = write_request(target, first, request_frame, loss).joined();
  TranslationLoss none;
  const auto second = read_request(target, written, none);
  if (!second) return second.error().detail + "\n" + written;
  const std::string said = conversation_text(first, target, loss);
  const std::string read = conversation_text(*second, target, loss);
  if (said == read && none.empty()) return {};
  return "said\n" + said + "read\n" + read + "loss " + loss.to_string() + "\nthen " +
         none.to_string() + "\n" + written;
}

// The same of an answer.
std::string answer_difference(std::uint64_t seed, Dialect target) {
  const Answer first = random_answer(seed);
  TranslationLoss loss;
  const AnswerFrame frame{.id = "r1",
                          .model = "m",
                          .created = 1,
                          .created_at = "2026-01-31T12:00:00Z",
                          .echo = R"("tools":[])"};
  const std::string written = write_answer(target, first, frame, loss).joined();
  TranslationLoss none;
  const auto second = read_answer(target, written, none);
  if (!second) return second.error().detail + "\n" + written;
  const std::string said = answer_text(first, target, loss);
  const std::string read = answer_text(*second, target, loss);
  if (said == read) return {};
  return "said\n" + said + "read\n" + read + "loss " + loss.to_string() + "\n" + written;
}

TEST(TranslatorProperty, WhateverIsAskedComesThroughButForWhatTheLossNames) {
  const std::uint64_t first = std::random_device()();
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    const Conversation drawn = random_conversation(seed);
    for (const Dialect target : upstream_dialects)
      ASSERT_EQ(difference(drawn, {}, target), "")
          << "seed " << seed << " to " << to_string(target);
  }
}

TEST(TranslatorProperty, WhateverIsAnsweredComesThroughButForWhatTheLossNames) {
  const std::uint64_t first = std::random_device()();
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    for (const Dialect target : upstream_dialects)
      ASSERT_EQ(answer_difference(seed, target), "")
          << "seed " << seed << " to " << to_string(target);
  }
}

// One thing in a conversation that is said otherwise.
using Change = std::function<void(Conversation&)>;

Part& cited(Conversation& conversation) {
  return conversation.turns[1].parts.back();
}
Citation& cite(Conversation& conversation) {
  return cited(conversation).citations[0];
}

std::vector<std::pair<const char*, Change>> changes() {
  using C = Conversation;
  std::vector<std::pair<const char*, Change>> all = {
      {"model", [](C& c) { c.model = {"other"}; }},
      {"stream", [](C& c) { c.stream = !c.stream; }},
      {"role", [](C& c) { c.turns[0].role = Role::assistant; }},
      {"a turn less", [](C& c) { c.turns.pop_back(); }},
      {"a part less", [](C& c) { c.turns[0].parts.pop_back(); }},
      {"order of turns", [](C& c) { std::swap(c.turns[0], c.turns[2]); }},
      {"order of parts", [](C& c) { std::swap(c.turns[0].parts[0], c.turns[0].parts[1]); }},
      {"name", [](C& c) { c.turns[0].name = {"bob"}; }},
      {"extra of a turn", [](C& c) { c.turns[0].extra = {{"x", "1"}}; }},
      {"text", [](C& c) { c.turns[0].parts[0].text = {"other"}; }},
      {"extra of a part", [](C& c) { c.turns[0].parts[0].extra = {{"x", "1"}}; }},
      {"image", [](C& c) { c.turns[0].parts[1].media.data = {"/9j/AAAA"}; }},
      {"image's type", [](C& c) { c.turns[0].parts[1].media.type = {"image/gif"}; }},
      {"where the image is", [](C& c) { c.turns[0].parts[1].media.source = Media::Source::url; }},
      {"detail", [](C& c) { c.turns[0].parts[1].detail = {"low"}; }},
      {"thinking", [](C& c) { c.turns[1].parts[0].text = {"other"}; }},
      {"signature", [](C& c) { c.turns[1].parts[0].signature = {"other"}; }},
      {"id of a call", [](C& c) { c.turns[1].parts[1].id = {"other"}; }},
      {"name of a call", [](C& c) { c.turns[1].parts[1].name = {"other"}; }},
      {"arguments", [](C& c) { c.turns[1].parts[1].arguments = R"({"a":2})"; }},
      {"citation less", [](C& c) { cited(c).citations.clear(); }},
      {"kind of a citation", [](C& c) { cite(c).kind = Citation::Kind::search_result; }},
      {"what is cited", [](C& c) { cite(c).source = {"https://other"}; }},
      {"title of what is cited", [](C& c) { cite(c).title = {"other"}; }},
      {"what stands there", [](C& c) { cite(c).quote = {"other"}; }},
      {"file that is cited", [](C& c) { cite(c).file = {"other"}; }},
      {"seal of what is cited", [](C& c) { cite(c).sealed = {"other"}; }},
      {"which is cited", [](C& c) { cite(c).which = "7"; }},
      {"where it is cited from", [](C& c) { cite(c).begin = "7"; }},
      {"where it is cited to", [](C& c) { cite(c).end = "7"; }},
      {"where it is cited", [](C& c) { cite(c).span = TextSpan{0, 1}; }},
      {"id of a result", [](C& c) { c.turns[2].parts[0].id = {"other"}; }},
      {"result", [](C& c) { c.turns[2].parts[0].content[0].text = {"other"}; }},
      {"failed", [](C& c) { c.turns[2].parts[0].failed = true; }},
      {"a tool less", [](C& c) { c.tools.clear(); }},
      {"tool's name", [](C& c) { c.tools[0].name = {"other"}; }},
      {"tool's description", [](C& c) { c.tools[0].description = {"other"}; }},
      {"tool's schema", [](C& c) { c.tools[0].schema = R"({"type":"string"})"; }},
      {"tool's strictness", [](C& c) { c.tools[0].strict = true; }},
      {"extra of a tool", [](C& c) { c.tools[0].extra = {{"x", "1"}}; }},
      {"tool choice", [](C& c) { c.tool_choice.kind = ToolChoice::Kind::none; }},
      {"tool chosen", [](C& c) { c.tool_choice.name = {"other"}; }},
      {"parallel", [](C& c) { c.parallel_tools = false; }},
      {"format", [](C& c) { c.format.kind = ResponseFormat::Kind::json_object; }},
      {"format's schema", [](C& c) { c.format.schema = R"({"type":"string"})"; }},
      {"format's description", [](C& c) { c.format.description = {"other"}; }},
      {"reasoning", [](C& c) { c.reasoning.kind = Reasoning::Kind::off; }},
      {"effort", [](C& c) { c.reasoning.effort = {"high"}; }},
      {"budget", [](C& c) { c.reasoning.budget = "1"; }},
      {"verbosity", [](C& c) { c.verbosity = {"low"}; }},
      {"stop", [](C& c) { c.stop = {{"END"}}; }},
      {"extra", [](C& c) { c.extra = {{"x", "1"}}; }},
  };
  for (size_t i = 0; i < parameter_count; ++i)
    all.emplace_back("a parameter", [i](C& c) { c.parameters[i] = "77"; });
  return all;
}

Conversation full_conversation() {
  Conversation full{.model = {"m"}};
  Part image{.kind = Part::Kind::image};
  image.media = {Media::Source::base64, {"image/png"}, {"iVBORw0KGgoAAAA="}};
  full.turns.push_back({.role = Role::user, .parts = {Part{.text = {"a"}}, image}});
  const Part thinking{.kind = Part::Kind::thinking, .text = {"t"}, .signature = {"s"}};
  const Part call{
      .kind = Part::Kind::tool_call, .id = {"1"}, .name = {"f"}, .arguments = R"({"a":1})"};
  const Citation citation{.kind = Citation::Kind::web, .source = {"https://a"}, .title = {"A"}};
  const Part said{.text = {"say"}, .citations = {citation}};
  full.turns.push_back({.role = Role::assistant, .parts = {thinking, call, said}});
  const Part result{.kind = Part::Kind::tool_result, .id = {"1"}, .content = {Part{.text = {"r"}}}};
  full.turns.push_back({.role = Role::tool, .parts = {result}});
  full.tools.push_back({.name = {"f"}, .description = {"d"}, .schema = R"({"type":"object"})"});
  full.tool_choice = {ToolChoice::Kind::function, {"f"}};
  full.format = {.kind = ResponseFormat::Kind::json_schema, .schema = R"({"type":"object"})"};
  full.reasoning = {.kind = Reasoning::Kind::on, .effort = {"low"}, .budget = "2000"};
  return full;
}

// What the other tests compare would not notice a loss that it does not tell of.
TEST(ConversationText, TellsOfEverything) {
  const TranslationLoss none;
  for (const Dialect target : upstream_dialects) {
    const std::string whole = conversation_text(full_conversation(), target, none);
    for (const auto& [what, change] : changes()) {
      Conversation changed = full_conversation();
      change(changed);
      // Ollama has one place for a message's text and one for its images.
      if (target == Dialect::ollama && std::string_view(what) == "order of parts") continue;
      EXPECT_NE(conversation_text(changed, target, none), whole)
          << what << " to " << to_string(target);
    }
  }
}

}  // namespace
}  // namespace rocket
