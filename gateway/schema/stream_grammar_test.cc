#include "schema/stream_grammar.h"

#include <gtest/gtest.h>

#include "testing/told_stream.h"

namespace rocket {
namespace {

using Kind = StreamEvent::Kind;

TEST(EventOrder, LetsNothingBeOutOfPlace) {
  const StreamEvent start{.kind = Kind::start};
  const StreamEvent begin{.kind = Kind::block_start};
  const StreamEvent thinks{.kind = Kind::block_start, .block = Part::Kind::thinking};
  const StreamEvent text{.kind = Kind::text, .text = {"x"}};
  const StreamEvent nothing{.kind = Kind::text};
  const StreamEvent signature{.kind = Kind::signature, .block = Part::Kind::thinking};
  const StreamEvent end{.kind = Kind::block_end};
  const StreamEvent usage{.kind = Kind::usage};
  const StreamEvent stop{.kind = Kind::stop};
  const StreamEvent ping{.kind = Kind::ping};
  const StreamEvent error{.kind = Kind::error};
  const struct {
    const char* name;
    std::vector<StreamEvent> events;
    bool legal;  // the last of them; those before it are
  } cases[] = {
      {"whole", {ping, start, begin, text, ping, text, end, begin, end, usage, stop}, true},
      {"no usage", {start, stop}, true},
      {"an error anywhere", {error}, true},
      {"before the start", {begin}, false},
      {"two starts", {start, start}, false},
      {"a text outside", {start, text}, false},
      {"a block inside", {start, begin, begin}, false},
      {"a text of another block", {start, thinks, text}, false},
      {"no text", {start, begin, nothing}, false},
      {"signed thinking", {start, thinks, signature}, true},
      {"signed text", {start, begin, signature}, false},
      {"another block's end", {start, thinks, end}, false},
      {"usage inside", {start, begin, usage}, false},
      {"usage twice", {start, usage, usage}, false},
      {"a block behind usage", {start, usage, begin}, false},
      {"stop inside", {start, begin, stop}, false},
      {"behind the stop", {start, stop, ping}, false},
      {"behind an error", {start, error, stop}, false},
  };
  for (const auto& one : cases) {
    ToldStream told;
    EventOrder order(told);
    for (size_t i = 0; i < one.events.size(); ++i) {
      const auto taken = order.take(one.events[i]);
      const bool last = i + 1 == one.events.size();
      EXPECT_EQ(taken.has_value(), !last || one.legal) << one.name << " " << i;
      if (!taken) {
        EXPECT_EQ(taken.error().code, ErrorCode::internal);
      }
    }
  }
}

// What is wrong with the last event, or with the end.
TEST(StreamGrammar, SeesWhatIsIllegal) {
  constexpr std::string_view start =
      R"({"type":"message_start","message":{"id":"i","type":"message","role":"assistant",)"
      R"("content":[],"usage":{"input_tokens":0}}})";
  constexpr std::string_view block =
      R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})";
  constexpr std::string_view tool =
      R"({"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}})";
  constexpr std::string_view text =
      R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}})";
  constexpr std::string_view input =
      R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"[1]"}})";
  constexpr std::string_view end = R"({"type":"content_block_stop","index":0})";
  constexpr std::string_view role =
      R"({"object":"chat.completion.chunk","id":"i","model":"m","choices":[{"delta":{"role":"assistant"}}]})";
  constexpr std::string_view finish =
      R"({"object":"chat.completion.chunk","id":"i","model":"m","choices":[{"delta":{},"finish_reason":"stop"}]})";
  constexpr std::string_view line =
      R"({"model":"m","created_at":"c","message":{"content":"x"},"done":false})";
  const struct {
    Dialect dialect;
    std::vector<std::string_view> events;
    std::string_view problem;
  } cases[] = {
      {Dialect::anthropic, {"{"}, "not a JSON object"},
      {Dialect::anthropic, {block}, "content_block_start out of place"},
      {Dialect::anthropic, {start, start}, "a second message_start"},
      {Dialect::anthropic, {start, text}, "an event of a block while none is open"},
      {Dialect::anthropic, {start, block, block}, "content_block_start out of place"},
      {Dialect::anthropic, {start, block, input}, "input_json_delta in a block of text"},
      {Dialect::anthropic, {start, block, end, text}, "not the index of the open block"},
      {Dialect::anthropic, {start, tool, input, end}, "the input of a tool is not an object: [1]"},
      {Dialect::anthropic, {start, R"({"type":"message_stop"})"}, "message_stop out of place"},
      {Dialect::anthropic,
       {start, block, R"({"type":"message_delta"})"},
       "message_delta out of place"},
      {Dialect::anthropic, {start, block, text}, "the stream ends in the middle"},
      {Dialect::chat, {finish}, "no role"},
      {Dialect::chat, {role, "[DONE]"}, "[DONE] without a finish_reason"},
      {Dialect::chat, {role, finish, role}, "a choice behind its finish_reason"},
      {Dialect::chat, {role, finish}, "the stream ends in the middle"},
      {Dialect::chat, {role, finish, "[DONE]", role}, "an event behind the end"},
      {Dialect::ollama, {line}, "the stream ends in the middle"},
      {Dialect::ollama,
       {R"({"model":"m","created_at":"c","done":false})"},
       "no message or response"},
      {Dialect::ollama,
       {R"({"model":"m","created_at":"c","message":{"content":""},"done":true})"},
       "no done_reason"},
      {Dialect::responses,
       {R"({"type":"response.created","sequence_number":1,"response":{}})"},
       "not the next sequence_number"},
      {Dialect::responses,
       {R"({"type":"response.created","sequence_number":0,"response":{}})"},
       "response.created without id"},
      {Dialect::responses,
       {R"({"type":"response.output_item.added","sequence_number":0,"output_index":0})"},
       "an item inside of another, or before the start"},
  };
  for (const auto& one : cases) {
    StreamGrammar grammar(one.dialect);
    std::string problem;
    for (const std::string_view event : one.events) {
      EXPECT_EQ(problem, "");
      problem = grammar.check(event);
    }
    if (problem.empty()) problem = grammar.check_end();
    EXPECT_EQ(problem, one.problem);
  }
}

}  // namespace
}  // namespace rocket
