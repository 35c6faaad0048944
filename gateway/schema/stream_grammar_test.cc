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
  const Citation page;
  StreamEvent cites{.kind = Kind::citation};
  const StreamEvent cites_nothing = cites;
  cites.citation = &page;
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
      {"cited before the text and behind it", {start, begin, cites, text, cites, end}, true},
      {"a citation of nothing", {start, begin, cites_nothing}, false},
      {"cited thinking", {start, thinks, cites}, false},
      {"cited outside", {start, cites}, false},
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

std::string problem_of(Dialect dialect, const std::vector<std::string>& events) {
  StreamGrammar grammar(dialect);
  for (const std::string& event : events) {
    const std::string problem = grammar.check(event);
    if (&event == &events.back()) return problem;
    EXPECT_EQ(problem, "") << event;
  }
  return {};
}

// What is wrong with the last event, which cites something.
TEST(StreamGrammar, SeesWhatIsWronglyCited) {
  const std::string role =
      R"({"object":"chat.completion.chunk","id":"i","model":"m","choices":[{"delta":)"
      R"({"role":"assistant","content":"gr\u00fcn"}}]})";
  const auto chat = [&](const std::string& annotation) {
    return problem_of(Dialect::chat,
                      {role, R"({"object":"chat.completion.chunk","id":"i","model":"m",)"
                             R"("choices":[{"delta":{"annotations":[)" +
                                 annotation + "]}}]}"});
  };
  const auto page = [](const std::string& begin, const std::string& end) {
    return R"("url":"https://a","title":"A","start_index":)" + begin + R"(,"end_index":)" + end;
  };
  const auto in_chat = [](const std::string& inside) {
    return R"({"type":"url_citation","url_citation":{)" + inside + "}}";
  };
  EXPECT_EQ(chat(in_chat(page("0", "4"))), "");
  EXPECT_EQ(chat(in_chat(page("0", "5"))), "a citation of what is not in the text");
  EXPECT_EQ(chat(in_chat(page("3", "2"))), "a citation of what is not in the text");
  EXPECT_EQ(chat(in_chat(R"("title":"A")")), "a citation without a url");
  EXPECT_EQ(chat(in_chat(R"("url":"https://a","title":null)")), "a citation without a title");
  EXPECT_EQ(chat(R"({"type":"url_citation",)" + page("0", "4") + "}"), "a citation without a url");
  EXPECT_EQ(chat(R"({"type":"file_citation"})"), "not an annotation of chat");

  const auto anthropic = [&](const std::string& citation) {
    return problem_of(
        Dialect::anthropic,
        {R"({"type":"message_start","message":{"id":"i","type":"message","role":"assistant",)"
         R"("content":[],"usage":{"input_tokens":0}}})",
         R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
         R"({"type":"content_block_delta","index":0,"delta":{"type":"citations_delta",)"
         R"("citation":)" +
             citation + "}}"});
  };
  EXPECT_EQ(anthropic(R"({"type":"web_search_result_location","cited_text":"",)"
                      R"("encrypted_index":"","url":"https://a","title":null})"),
            "");
  EXPECT_EQ(anthropic(R"({"type":"char_location","cited_text":""})"), "");
  EXPECT_EQ(anthropic(R"({"type":"char_location"})"), "a citation without cited_text");
  EXPECT_EQ(anthropic(R"({"type":"web_search_result_location","cited_text":"","url":"u"})"),
            "a citation without encrypted_index");
  EXPECT_EQ(anthropic("{}"), "not a citation: ");
}

// A response's part with the annotations that are told one by one, and of its whole.
std::string cited_response(const std::vector<std::string>& told, const std::string& whole) {
  std::int64_t sequence = 0;
  const auto event = [&](const std::string& type, const std::string& rest) {
    return R"({"type":"response.)" + type + R"(","sequence_number":)" + std::to_string(sequence++) +
           R"(,"output_index":0,"item_id":"i","content_index":0)" + rest + "}";
  };
  std::string response;
  for (const char* key :
       {"id", "object", "created_at", "error", "incomplete_details", "instructions", "model",
        "tools", "output", "parallel_tool_calls", "metadata", "tool_choice", "temperature", "top_p",
        "status", "text", "usage"})
    response += (response.empty() ? "\"" : ",\"") + std::string(key) + "\":null";
  std::vector<std::string> events;
  events.push_back(event("created", R"(,"response":{)" + response + "}"));
  events.push_back(event("output_item.added", R"(,"item":{"id":"i"})"));
  events.push_back(event("content_part.added", R"(,"part":{})"));
  events.push_back(event("output_text.delta", R"(,"delta":"\u00fc")"));
  for (const std::string& one : told)
    events.push_back(event("output_text.annotation.added", "," + one));
  if (whole.empty()) return problem_of(Dialect::responses, events);
  events.push_back(event("content_part.done", R"(,"part":{"type":"output_text",)" + whole + "}"));
  return problem_of(Dialect::responses, events);
}

TEST(StreamGrammar, SeesWhatAResponseCitesWrongly) {
  const std::string page =
      R"({"type":"url_citation","url":"https://a","title":"A","start_index":0,"end_index":1})";
  const std::string far =
      R"({"type":"url_citation","url":"https://a","title":"A","start_index":0,"end_index":2})";
  const std::string file = R"({"type":"file_citation","file_id":"f","filename":"","index":1})";
  const auto added = [](int index, const std::string& annotation) {
    return R"("annotation_index":)" + std::to_string(index) + R"(,"annotation":)" + annotation;
  };
  EXPECT_EQ(cited_response({added(0, page), added(1, file)}, ""), "");
  EXPECT_EQ(cited_response({added(0, page)}, R"("annotations":[)" + page + "]"), "");
  EXPECT_EQ(cited_response({added(1, page)}, ""), "not the index of the next annotation");
  EXPECT_EQ(cited_response({added(0, far)}, ""), "a citation of what is not in the text");
  EXPECT_EQ(cited_response({added(0, R"({"type":"file_citation"})")}, ""),
            "a file that is cited with something missing");
  EXPECT_EQ(cited_response({added(0, "{}")}, ""), "not an annotation: ");
  EXPECT_EQ(cited_response({added(0, page)}, R"("annotations":[])"),
            "annotations that are not those that were told");
  EXPECT_EQ(cited_response({}, R"("annotations":[)" + page + "]"),
            "annotations that are not those that were told");
  EXPECT_EQ(cited_response({}, R"("text":"")"), "a text without annotations");
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
