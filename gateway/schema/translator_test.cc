#include "schema/translator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "testing/conversation_text.h"
#include "testing/kept_conversations.h"
#include "testing/told_stream.h"

namespace rocket {
namespace {

// What a model can give, where Anthropic has to be told.
constexpr RequestFrame request_frame{.max_tokens = 4096};

constexpr Dialect upstream_dialects[] = {Dialect::chat, Dialect::responses, Dialect::anthropic,
                                         Dialect::ollama};
constexpr Dialect all_dialects[] = {Dialect::chat, Dialect::responses, Dialect::anthropic,
                                    Dialect::ollama, Dialect::generate};

TEST(Translator, EveryKindOfConversationIsKeptInEveryDialect) {
  const std::vector<KeptConversation> kept = kept_conversations();
  for (const Dialect dialect : upstream_dialects) {
    for (const char* kind : {"text", "image", "parallel-tools", "thinking", "unicode",
                             "empty-turns", "consecutive-roles", "system-in-the-middle"}) {
      const std::string name = std::string(to_string(dialect)) + "-" + kind;
      EXPECT_NE(std::ranges::find(kept, name, &KeptConversation::name), kept.end()) << name;
    }
  }
  // Not all of them have words for these.
  for (const char* name : {"anthropic-citations", "anthropic-document", "anthropic-tool-images",
                           "anthropic-web-citations", "chat-citations", "chat-document",
                           "chat-functions", "chat-refusal", "responses-citations",
                           "responses-codex", "responses-document", "responses-refusal"}) {
    EXPECT_NE(std::ranges::find(kept, name, &KeptConversation::name), kept.end()) << name;
  }
}

TEST(Translator, AConversationComesThroughButForWhatTheLossNames) {
  for (const KeptConversation& kept : kept_conversations()) {
    for (const Dialect target : upstream_dialects) {
      SCOPED_TRACE(kept.name + " to " + std::string(to_string(target)));
      TranslationLoss loss;
      const auto first = read_request(kept.dialect, kept.body, loss);
      ASSERT_TRUE(first) << first.error().detail;
      // What only asks for a model to be loaded is a request to Ollama alone.
      if (first->turns.empty() && target != Dialect::ollama) continue;
      const std::string written = write_request(target, *first, request_frame, loss).joined();
      TranslationLoss none;
      const auto second = read_request(target, written, none);
      ASSERT_TRUE(second) << second.error().detail << "\n" << written;
      EXPECT_EQ(conversation_text(*first, target, loss), conversation_text(*second, target, loss))
          << loss.to_string() << "\n"
          << written;
      // What has been brought into a form stays in it.
      const std::string rewritten = write_request(target, *second, request_frame, none).joined();
      const auto third = read_request(target, rewritten, none);
      ASSERT_TRUE(third);
      EXPECT_EQ(write_request(target, *third, request_frame, none).joined(), rewritten);
      EXPECT_TRUE(none.empty()) << none.to_string();
    }
  }
}

TEST(Translator, WithinADialectNothingIsLost) {
  for (const KeptConversation& kept : kept_conversations()) {
    // Nothing is written of /api/generate, and thinking that nobody signed can not be sent.
    if (kept.dialect == Dialect::generate) continue;
    TranslationLoss loss;
    const auto read = read_request(kept.dialect, kept.body, loss);
    ASSERT_TRUE(read);
    (void)write_request(kept.dialect, *read, {}, loss);
    if (kept.name == "chat-bad-arguments") {
      EXPECT_EQ(loss.to_string(), "emulated=tool_calls.arguments");
    } else if (kept.name == "anthropic-system-in-the-middle") {
      // Not all of the provider's models take it there.
      EXPECT_EQ(loss.to_string(), "emulated=system");
    } else if (kept.name != "anthropic-interleaved" && kept.name != "chat-file-audio") {
      EXPECT_EQ(loss.to_string(), "") << kept.name;
    }
  }
}

TEST(Translator, AnImageIsNeverCopied) {
  const std::string image(size_t{8} << 20U, 'A');
  const std::string body =
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url",)"
      R"("image_url":{"url":"data:image/png;base64,)" +
      image + R"("}}]}]})";
  for (const Dialect target : upstream_dialects) {
    TranslationLoss loss;
    const auto read = read_request(Dialect::chat, body, loss);
    ASSERT_TRUE(read);
    const JsonPieces written = write_request(target, *read, {}, loss);
    size_t views = 0;
    for (const std::string_view piece : written.pieces()) {
      if (piece.size() < image.size()) continue;
      EXPECT_TRUE(piece.data() > body.data() && piece.data() < body.data() + body.size());
      ++views;
    }
    EXPECT_EQ(views, 1U) << to_string(target);
  }
}

constexpr std::string_view whole_answer = R"({"id":"x","model":"up","choices":[{"index":0,
  "message":{"role":"assistant","reasoning_content":"Hm\u2026","content":"Hello \"you\"",
  "tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
  {"type":"function","function":{"name":"g","arguments":""}}]},"finish_reason":"tool_calls"}],
  "usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4}}})";

TEST(Translator, AnAnswerOfTooManyValuesIsGarbage) {
  std::string many = R"({"x":[0)";
  for (size_t i = 0; i < conversation_limits.values; ++i)
    many += ",0";
  const std::pair<Dialect, std::string_view> cases[] = {
      {Dialect::chat, R"({"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]})"},
      {Dialect::responses, R"({"status":"completed","output":[]})"},
      {Dialect::anthropic, R"({"content":[],"stop_reason":"end_turn"})"},
      {Dialect::ollama, R"({"model":"m","message":{"content":"x"},"done":true})"},
  };
  for (const auto& [dialect, text] : cases) {
    TranslationLoss loss;
    EXPECT_TRUE(read_answer(dialect, text, loss)) << text;
    const auto large = read_answer(dialect, many + "]," + std::string(text.substr(1)), loss);
    ASSERT_FALSE(large) << text;
    EXPECT_EQ(large.error().code, ErrorCode::upstream_garbage) << text;
  }
}

TEST(Translator, AnAnswerComesThroughButForWhatTheLossNames) {
  for (const Dialect target : upstream_dialects) {
    SCOPED_TRACE(to_string(target));
    TranslationLoss loss;
    const auto first = read_answer(Dialect::chat, whole_answer, loss);
    ASSERT_TRUE(first) << first.error().detail;
    const AnswerFrame frame{.id = "r1",
                            .model = "m",
                            .created = 1,
                            .created_at = "2026-01-31T12:00:00Z",
                            .echo = R"("tools":[])"};
    const std::string written = write_answer(target, *first, frame, loss).joined();
    TranslationLoss none;
    auto second = read_answer(target, written, none);
    ASSERT_TRUE(second) << second.error().detail << "\n" << written;
    // What had no id has been given one.
    EXPECT_FALSE(second->parts.back().id.empty());
    second->parts.back().id = {};
    EXPECT_EQ(answer_text(*first, target, loss), answer_text(*second, target, loss)) << written;
    EXPECT_EQ(loss.to_string(), "");
  }
}

StreamEvent step(StreamEvent::Kind kind, Part::Kind block, std::string_view text = {}) {
  StreamEvent event{.kind = kind, .block = block};
  event.text = {text};
  return event;
}

std::vector<StreamEvent> steps() {
  using Kind = StreamEvent::Kind;
  using Block = Part::Kind;
  StreamEvent start{.kind = Kind::start};
  start.id = {"u1"};
  start.name = {"up"};
  StreamEvent call = step(Kind::block_start, Block::tool_call);
  call.id = {"call_1"};
  call.name = {"f"};
  StreamEvent other = call;
  other.id = {"call_2"};
  other.name = {"g"};
  static constexpr Citation page{.kind = Citation::Kind::web,
                                 .source = {"https://example.com/\\u00fc"},
                                 .title = {"A \\\"b\\\""}};
  StreamEvent cites{.kind = Kind::citation};
  cites.citation = &page;
  StreamEvent usage{.kind = Kind::usage};
  usage.usage = {.input = 9, .cache_read = 2, .cache_write = 0, .output = 4, .thinking = 0};
  StreamEvent stop{.kind = Kind::stop};
  stop.stop = StopReason::tool_use;
  return {start,
          step(Kind::block_start, Block::thinking),
          step(Kind::text, Block::thinking, R"(Hm\u2026)"),
          step(Kind::signature, Block::thinking, R"(c2ln\/)"),
          step(Kind::block_end, Block::thinking),
          step(Kind::block_start, Block::redacted_thinking, "c2VhbA=="),
          step(Kind::block_end, Block::redacted_thinking),
          step(Kind::block_start, Block::text),
          step(Kind::text, Block::text, "Hel"),
          step(Kind::text, Block::text, "lo \\\"you\\\""),
          step(Kind::text, Block::text, " \xF0\x9F\x98\x80"),
          cites,
          step(Kind::block_end, Block::text),
          call,
          step(Kind::text, Block::tool_call, R"({\"a\":)"),
          step(Kind::text, Block::tool_call, R"([1,\"x\"]})"),
          step(Kind::block_end, Block::tool_call),
          other,
          step(Kind::text, Block::tool_call, R"({})"),
          step(Kind::block_end, Block::tool_call),
          usage,
          stop};
}

constexpr AnswerFrame frame{.id = "r1",
                            .model = "m",
                            .created = 1,
                            .created_at = "2026-01-31T12:00:00Z",
                            .echo = R"("instructions":null,"tools":[],"parallel_tool_calls":true,)"
                                    R"("metadata":{},"tool_choice":"auto","temperature":1,)"
                                    R"("top_p":1,"text":{})"};

std::string write_stream(Dialect dialect, const std::vector<StreamEvent>& events) {
  const auto writer = make_stream_writer(dialect, frame, true);
  for (const StreamEvent& event : events)
    EXPECT_TRUE(writer->take(event));
  return std::move(writer->out());
}

// The events of a stream as its dialect has them, each of them checked.
void expect_legal(Dialect dialect, std::string_view bytes) {
  StreamGrammar grammar(dialect);
  const auto check = [&](std::string_view data) {
    EXPECT_EQ(grammar.check(data), "") << to_string(dialect) << ": " << data;
  };
  if (is_ollama(dialect)) {
    NdjsonSplitter splitter(1U << 20U);
    EXPECT_TRUE(splitter.feed(bytes, check));
    EXPECT_EQ(splitter.rest(), "");
  } else {
    SseSplitter splitter(1U << 20U);
    EXPECT_TRUE(splitter.feed(bytes, [&](const SseEvent& event) { check(event.data); }));
    EXPECT_FALSE(splitter.unfinished());
  }
  EXPECT_EQ(grammar.check_end(), "") << to_string(dialect) << ": " << bytes;
}

bool has_words_for(const StreamEvent& event, Dialect dialect) {
  const bool sealed =
      event.kind == StreamEvent::Kind::signature || event.block == Part::Kind::redacted_thinking;
  if (sealed) return dialect == Dialect::anthropic || dialect == Dialect::responses;
  return event.kind != StreamEvent::Kind::citation || !is_ollama(dialect);
}

TEST(StreamTranslator, AnyDialectIntoAnyOther) {
  for (const Dialect from : upstream_dialects) {
    const std::string upstream = write_stream(from, steps());
    expect_legal(from, upstream);
    for (const Dialect to : all_dialects) {
      SCOPED_TRACE(std::string(to_string(from)) + " to " + std::string(to_string(to)));
      StreamTranslator translator(from, make_stream_writer(to, frame, true), 1U << 20U);
      ASSERT_TRUE(translator.feed(upstream));
      EXPECT_TRUE(translator.done());
      EXPECT_TRUE(translator.seen().content_seen());
      EXPECT_EQ(translator.seen().usage().output, 4);
      const std::string client(translator.out());
      expect_legal(to, client);
      if (to == Dialect::generate) continue;
      // What the client reads of it is what the upstream said.
      ToldStream said;
      ToldStream read;
      for (const StreamEvent& event : steps()) {
        if (!has_words_for(event, from) || !has_words_for(event, to)) continue;
        ASSERT_TRUE(said.take(event));
      }
      const auto reader = make_stream_reader(to);
      NdjsonSplitter lines(1U << 20U);
      SseSplitter events(1U << 20U);
      const auto take = [&](std::string_view data) { ASSERT_TRUE(reader->read(data, read)); };
      if (is_ollama(to)) {
        ASSERT_TRUE(lines.feed(client, take));
      } else {
        ASSERT_TRUE(events.feed(client, [&](const SseEvent& event) { take(event.data); }));
      }
      EXPECT_EQ(read.told(), said.told()) << client;
    }
  }
}

TEST(StreamTranslator, SaysTheSameHoweverTheBytesAreSplit) {
  for (const Dialect from : upstream_dialects) {
    const std::string upstream = write_stream(from, steps());
    for (const Dialect to : all_dialects) {
      StreamTranslator whole(from, make_stream_writer(to, frame, false), 1U << 20U);
      ASSERT_TRUE(whole.feed(upstream));
      const std::string expected(whole.out());
      for (size_t cut = 1; cut <= upstream.size(); ++cut) {
        StreamTranslator split(from, make_stream_writer(to, frame, false), 1U << 20U);
        std::string said;
        for (const size_t begin : {size_t{0}, cut}) {
          // A buffer of its own, gone before the next, so that a view into it would be found.
          const std::string piece = upstream.substr(begin, begin == 0 ? cut : upstream.npos);
          ASSERT_TRUE(split.feed(piece));
          said += split.out();
        }
        ASSERT_EQ(said, expected) << to_string(from) << " to " << to_string(to) << " at " << cut;
      }
    }
  }
}

// Python's json.dumps writes a character that its model has said half of so far as half a pair.
TEST(StreamTranslator, HalvesOfACharacterAreJoined) {
  const auto saying = [](const std::string& text) {
    return R"(data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"content":")" + text +
           "\"}}]}\n\n";
  };
  const std::string end =
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
      "data: [DONE]\n\n";
  const struct {
    const char* name;
    std::string upstream;
    std::string said;
  } cases[] = {
      {"joined", saying("a") + saying("b\\ud83d") + saying("\\ude00c") + saying("d") + end,
       "ab\U0001F600cd"},
      {"no other half", saying("b\\ud83d") + saying("c") + end, "b\uFFFDc"},
      {"no first half", saying("b") + saying("\\ude00c") + end, "b\uFFFDc"},
      {"the last thing said", saying("b") + saying("\\ud83d") + end, "b\uFFFD"},
  };
  for (const auto& c : cases) {
    for (const Dialect to : all_dialects) {
      SCOPED_TRACE(c.name + (" to " + std::string(to_string(to))));
      StreamTranslator translator(Dialect::chat, make_stream_writer(to, frame, true), 1U << 20U);
      ASSERT_TRUE(translator.feed(c.upstream));
      EXPECT_TRUE(translator.done());
      const std::string client(translator.out());
      expect_legal(to, client);
      if (to == Dialect::generate) continue;
      ToldStream said;
      const auto reader = make_stream_reader(to);
      NdjsonSplitter lines(1U << 20U);
      SseSplitter events(1U << 20U);
      const auto take = [&](std::string_view data) { ASSERT_TRUE(reader->read(data, said)); };
      if (is_ollama(to)) {
        ASSERT_TRUE(lines.feed(client, take));
      } else {
        ASSERT_TRUE(events.feed(client, [&](const SseEvent& event) { take(event.data); }));
      }
      EXPECT_TRUE(said.told().contains(c.said)) << said.told();
    }
  }
}

TEST(StreamTranslator, AnErrorIsLegalWhereverItComes) {
  const std::vector<StreamEvent> all = steps();
  for (const Dialect from : upstream_dialects) {
    for (size_t count = 0; count < all.size(); ++count) {
      const std::string upstream =
          write_stream(from, {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)});
      for (const Dialect to : all_dialects) {
        StreamTranslator translator(from, make_stream_writer(to, frame, true), 1U << 20U);
        ASSERT_TRUE(translator.feed(upstream));
        ASSERT_FALSE(translator.done());
        std::string client(translator.out());
        client += translator.write_ping();
        client += translator.write_error("api_error", "the \"upstream\" is gone");
        expect_legal(to, client);
        EXPECT_TRUE(client.contains(R"(the \"upstream\" is gone)"));
      }
    }
  }
}

}  // namespace
}  // namespace rocket
