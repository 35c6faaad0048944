#include "schema/chat_stream_reader.h"

#include <gtest/gtest.h>

#include "testing/told_stream.h"

namespace rocket {
namespace {

constexpr std::string_view role =
    R"({"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null}}]})";
constexpr std::string_view finish =
    R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";
constexpr std::string_view usage =
    R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}})";
constexpr std::string_view done = "[DONE]";

TEST(ChatStreamReader, ReadsWhatServersSay) {
  using Events = std::vector<std::string_view>;
  const struct {
    const char* name;
    Events events;
    std::string_view told;
  } cases[] = {
      {"a text as llama-server has it",
       {role, R"({"choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]})",
        R"({"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]})", finish, usage,
        done},
       "start m\ntext: Hello\nusage 3 2\nstop end_turn\n"},
      {"a role in each chunk, as Ollama has it",
       {R"({"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"I"}}]})",
        R"({"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"'m"}}]})",
        R"({"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":"length"}]})",
        done},
       "start m\ntext: I'm\nstop max_tokens\n"},
      {"zeros of usage on each chunk",
       {R"({"model":"m","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":0,)"
        R"("completion_tokens":0}})",
        finish, usage, done},
       "start m\ntext: a\nusage 3 2\nstop end_turn\n"},
      {"a stop sequence as vLLM names it",
       {role, R"({"choices":[{"delta":{"content":"a"}}]})",
        R"({"choices":[{"delta":{},"finish_reason":"stop","stop_reason":"END"}]})", done},
       "start m\ntext: a\nstop stop_sequence END\n"},
      {"thinking under either name",
       {role, R"({"choices":[{"delta":{"reasoning_content":"Hm"}}]})",
        R"({"choices":[{"delta":{"reasoning":"m."}}]})",
        R"({"choices":[{"delta":{"content":"4"}}]})", finish, done},
       "start m\nthinking: Hmm.\ntext: 4\nstop end_turn\n"},
      {"an end for calls that there are none of",
       {role, R"({"choices":[{"delta":{"content":"a"}}]})",
        R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})", done},
       "start m\ntext: a\nstop end_turn\n"},
      {"a refusal",
       {role, R"({"choices":[{"delta":{"refusal":"No."}}]})", finish, done},
       "start m\nrefusal: No.\nstop end_turn\n"},
      {"other choices",
       {role,
        R"({"choices":[{"index":1,"delta":{"content":"B"}},{"index":0,"delta":{"content":"A"}}]})",
        finish, done},
       "start m\ntext: A\nstop end_turn\n"},
      {"calls without ids that are all the first, as Gemini has them",
       {role,
        R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"","type":"function",)"
        R"("function":{"name":"f","arguments":"{\"x\":1}"}}]}}]})",
        R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"","type":"function",)"
        R"("function":{"name":"f","arguments":"{\"x\":2}"}}]}}]})",
        finish, done},
       "start m\ncall f: {\"x\":1}\ncall f: {\"x\":2}\nstop tool_use\n"},
      {"calls without numbers and ids in one event",
       {role,
        R"({"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}},)"
        R"({"function":{"name":"g","arguments":"{\"x\""}},{"function":{"arguments":":1}"}}]}}]})",
        finish, done},
       "start m\ncall f: {}\ncall g: {\"x\":1}\nstop tool_use\n"},
      {"a call as it was before there were tools",
       {role, R"({"choices":[{"delta":{"function_call":{"name":"f","arguments":""}}}]})",
        R"({"choices":[{"delta":{"function_call":{"arguments":"{\"x\""}}}]})",
        R"({"choices":[{"delta":{"function_call":{"arguments":":1}"}}}]})",
        R"({"choices":[{"delta":{},"finish_reason":"function_call"}]})", done},
       "start m\ncall f: {\"x\":1}\nstop tool_use\n"},
      {"the same said in both ways",
       {role,
        R"({"choices":[{"delta":{"function_call":{"name":"f","arguments":"{}"},"tool_calls":[)"
        R"({"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}}]})",
        R"({"choices":[{"delta":{"function_call":null},"finish_reason":"tool_calls"}]})", done},
       "start m\ncall c f: {}\nstop tool_use\n"},
      {"a name that is said with each piece",
       {role,
        R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f",)"
        R"("arguments":"{\"x\""}},{"index":0,"function":{"name":"f","arguments":":1}"}},)"
        R"({"index":0,"function":{"name":"f","arguments":""}}]}}]})",
        finish, done},
       "start m\ncall f: {\"x\":1}\nstop tool_use\n"},
      {"calls at places that there are not",
       {role,
        R"({"choices":[{"delta":{"tool_calls":[{"index":9223372036854775807,"id":"a",)"
        R"("function":{"name":"f","arguments":"{\"x\":"}}]}}]})",
        R"({"choices":[{"delta":{"tool_calls":[{"index":-9223372036854775808,)"
        R"("function":{"arguments":"1}"}}]}}]})",
        R"({"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"g",)"
        R"("arguments":"{}"}},{"index":2147483647,"id":"c","function":{"name":"h",)"
        R"("arguments":"{}"}},{"id":"d","function":{"name":"i","arguments":"{}"}}]}}]})",
        finish, done},
       "start m\ncall a f: {\"x\":1}\ncall b g: {}\ncall c h: {}\ncall d i: {}\nstop tool_use\n"},
      {"a call",
       {role,
        R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"function",)"
        R"("function":{"name":"f","arguments":""}}]}}]})",
        R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1}"}}]}}]})",
        R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})", done},
       "start m\ncall a f: {\"x\":1}\nstop tool_use\n"},
      {"calls that come interleaved",
       {role,
        R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}},)"
        R"({"index":1,"id":"b","function":{"name":"g","arguments":"{\"y\""}}]}}]})",
        R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}},)"
        R"({"index":1,"function":{"arguments":":2}"}}]}}]})",
        R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})", done},
       "start m\ncall a f: {}\ncall b g: {\"y\":2}\nstop tool_use\n"},
      {"calls that are all number 0, and end with stop",
       {role,
        R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]})",
        R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}]}}]})",
        finish, done},
       "start m\ncall a f: {}\ncall b f: {}\nstop tool_use\n"},
      {"arguments that are an object",
       {role,
        R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a",)"
        R"("function":{"name":"f","arguments":{"x": "a\"b"}}}]}}]})",
        finish, done},
       "start m\ncall a f: {\"x\": \"a\\\"b\"}\nstop tool_use\n"},
      {"a list of parts as Mistral has it",
       {role,
        R"({"choices":[{"delta":{"content":[{"type":"thinking","thinking":[)"
        R"({"type":"text","text":"Hm"}]}]}}]})",
        R"({"choices":[{"delta":{"content":[{"type":"text","text":"I"},)"
        R"({"type":"text","text":"'m\n"}]}}]})",
        finish, done},
       "start m\nthinking: Hm\ntext: I'm\n\nstop end_turn\n"},
      {"a call without arguments",
       {role, R"({"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]})", finish,
        done},
       "start m\ncall f: \nstop tool_use\n"},
      {"comments and what follows the end",
       {"", role, finish, done, "garbage"},
       "start m\nstop end_turn\n"},
      {"cut", {role, R"({"choices":[{"delta":{"content":"a"}}]})"}, "start m\ntext: a"},
      {"no reason to end", {role, done}, "start m\nfailed upstream_garbage\n"},
      {"a reason that nobody knows",
       {role, R"({"choices":[{"delta":{},"finish_reason":"abort"}]})"},
       "start m\nfailed upstream_garbage\n"},
      {"an error",
       {role, R"({"error":{"message":"out of memory"}})"},
       "start m\nfailed upstream_error_event\n"},
      {"no JSON", {role, "{"}, "start m\nfailed upstream_garbage\n"},
      {"a piece of no call",
       {role,
        R"({"choices":[{"delta":{"tool_calls":[{"index":3,"function":{"arguments":"x"}}]}}]})"},
       "start m\nfailed upstream_garbage\n"},
  };
  for (const auto& one : cases) {
    ChatStreamReader reader;
    EXPECT_EQ(told_by(reader, one.events), one.told) << one.name;
  }
}

TEST(ChatStreamReader, ReadsWhatATextIsFrom) {
  const auto event = [](const std::string& delta) {
    return R"({"choices":[{"index":0,"delta":{)" + delta + "}}]}";
  };
  const std::string page =
      R"("annotations":[{"type":"url_citation","url_citation":{"url":"https://a","title":"A",)"
      R"("start_index":0,"end_index":1}},{"type":"file","file":{}}])";
  const std::string call =
      R"("tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}])";
  const struct {
    const char* name;
    std::vector<std::string> deltas;
    std::string_view told;
  } cases[] = {
      {"behind the text", {R"("content":"x")", page}, "text: x cites https://a \"A\"\n"},
      {"beside a text, and again beside another",
       {R"("content":"x",)" + page, R"("content":"y",)" + page},
       "text: x cites https://a \"A\"y cites https://a \"A\"\n"},
      {"none, as some servers say with every token",
       {R"("content":"x","annotations":null)", R"("content":"y","annotations":[])"},
       "text: xy\n"},
      {"before the text", {page, R"("content":"x")"}, "text:  cites https://a \"A\"x\n"},
      {"behind thinking",
       {R"("reasoning_content":"t")", page, R"("content":"x")"},
       "thinking: t\ntext:  cites https://a \"A\"x\n"},
      {"of a call it can not be", {call, page}, "call c f: {}\n"},
  };
  for (const auto& one : cases) {
    ChatStreamReader reader;
    std::vector<std::string> events;
    for (const std::string& delta : one.deltas)
      events.push_back(event(delta));
    std::vector<std::string_view> views{role};
    views.insert(views.end(), events.begin(), events.end());
    views.insert(views.end(), {finish, done});
    const std::string_view stop = one.told.starts_with("call") ? "tool_use" : "end_turn";
    EXPECT_EQ(told_by(reader, views),
              "start m\n" + std::string(one.told) + "stop " + std::string(stop) + "\n")
        << one.name;
  }
}

TEST(ChatStreamReader, CallsThatWaitAreBounded) {
  ChatStreamReader reader;
  const std::string more = R"({"choices":[{"delta":{"tool_calls":[{"index":1,"function":{)"
                           R"("arguments":")" +
                           std::string(100000, 'x') + R"("}}]}}]})";
  std::vector<std::string_view> events{
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}},)"
      R"({"index":1,"id":"b","function":{"name":"g","arguments":"{"}}]}}]})"};
  events.insert(events.end(), 20, more);
  EXPECT_EQ(told_by(reader, events), "start \ncall a f: {failed upstream_too_large\n");
}

TEST(ChatStreamReader, IsDoneWhenItIsToldSo) {
  ChatStreamReader reader;
  const std::vector<std::string_view> events{role, finish};
  (void)told_by(reader, events);
  EXPECT_FALSE(reader.done());
  const std::vector<std::string_view> end{done};
  ToldStream sink;
  EXPECT_TRUE(reader.read(done, sink));
  EXPECT_TRUE(reader.done());
}

}  // namespace
}  // namespace rocket
