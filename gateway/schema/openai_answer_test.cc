#include "schema/openai_answer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace rocket {
namespace {

using Kind = OpenAiEvent::Kind;

struct Tokens {
  std::int64_t in;
  std::int64_t out;
  std::int64_t cached;
  [[nodiscard]] bool operator==(const Tokens&) const = default;
};

std::optional<Tokens> tokens(const std::optional<Usage>& usage) {
  if (!usage) return std::nullopt;
  return Tokens{usage->in, usage->out, usage->cached};
}

TEST(OpenAiAnswer, CountsTokensAsTheUpstreamDoes) {
  const struct {
    const char* name;
    std::string_view text;
    std::optional<Tokens> expected;
  } cases[] = {
      {"none", R"({"choices":[]})", std::nullopt},
      {"null", R"({"usage":null})", std::nullopt},
      {"a number", R"({"usage":7})", std::nullopt},
      {"chat", R"({"usage":{"prompt_tokens":36,"completion_tokens":8,"total_tokens":44}})",
       Tokens{36, 8, 0}},
      {"embeddings", R"({"usage":{"prompt_tokens":5,"total_tokens":5}})", Tokens{5, 0, 0}},
      {"vLLM",
       R"({"usage":{"prompt_tokens":36,"total_tokens":44,"completion_tokens":8,)"
       R"("prompt_tokens_details":null}})",
       Tokens{36, 8, 0}},
      {"cached",
       R"({"usage":{"prompt_tokens":36,"completion_tokens":8,)"
       R"("prompt_tokens_details":{"audio_tokens":0,"cached_tokens":32}}})",
       Tokens{36, 8, 32}},
      {"details of another kind", R"({"usage":{"prompt_tokens":1,"prompt_tokens_details":[32]}})",
       Tokens{1, 0, 0}},
      {"nested ones are others", R"({"choices":[{"usage":{"prompt_tokens":7}}]})", std::nullopt},
      {"more than can be added up",
       R"({"usage":{"prompt_tokens":9223372036854775807,"completion_tokens":8}})",
       Tokens{std::int64_t{1} << 53U, 8, 0}},
      {"integers as doubles", R"({"usage":{"prompt_tokens":36.0,"completion_tokens":1e1}})",
       Tokens{36, 10, 0}},
      {"what can not be counted",
       R"({"usage":{"prompt_tokens":-1,"completion_tokens":"8",)"
       R"("prompt_tokens_details":{"cached_tokens":1.5}}})",
       Tokens{0, 0, 0}},
      {"more than can be",
       R"({"usage":{"prompt_tokens":1e999,"completion_tokens":99999999999999999999}})",
       Tokens{0, 0, 0}},
      {"escaped keys", R"({"usag\u0065":{"prompt\u005ftokens":3}})", Tokens{3, 0, 0}},
  };
  for (const auto& c : cases) {
    const auto answer = read_openai_answer(c.text);
    ASSERT_TRUE(answer) << c.name;
    EXPECT_EQ(tokens(answer->usage), c.expected) << c.name;
    // A chunk says it the same way.
    const auto event = read_openai_event(Operation::chat_completions, c.text);
    ASSERT_TRUE(event) << c.name;
    EXPECT_EQ(tokens(event->usage), c.expected) << c.name;
  }
}

TEST(OpenAiAnswer, EndsWhereAMemberCanBeAdded) {
  const struct {
    const char* name;
    std::string_view text;
    bool empty;
  } cases[] = {
      {"empty", "{}", true},
      {"empty but for white space", " { \n } ", true},
      {"one member", R"({"id":"x"})", false},
      {"braces in strings", R"({"id":"}}"})", false},
      {"nested objects", R"({"a":{"b":{}}})", false},
      {"white space everywhere", "\r\n{ \"a\" : 1 \n}\n\n", false},
  };
  for (const auto& c : cases) {
    const auto answer = read_openai_answer(c.text);
    ASSERT_TRUE(answer) << c.name;
    EXPECT_EQ(answer->empty, c.empty) << c.name;
    ASSERT_LT(answer->object_end, c.text.size()) << c.name;
    std::string marked(c.text);
    marked.insert(answer->object_end, c.empty ? R"("_backend":"x")" : R"(,"_backend":"x")");
    auto expected = nlohmann::json::parse(c.text);
    expected["_backend"] = "x";
    EXPECT_EQ(nlohmann::json::parse(marked, nullptr, false), expected) << c.name << ": " << marked;
  }
}

TEST(OpenAiAnswer, IsNoneIfItIsAnError) {
  const struct {
    const char* name;
    std::string_view text;
    std::optional<std::string> expected;
  } cases[] = {
      {"no error", R"({"choices":[]})", std::nullopt},
      {"null", R"({"error":null,"choices":[]})", std::nullopt},
      {"LM Studio answers 200", R"({"error":"Unexpected endpoint or method: POST /v1/x"})",
       "Unexpected endpoint or method: POST /v1/x"},
      {"an object", R"({"error":{"message":"out of memory","code":500}})", "out of memory"},
      {"an object without a message", R"({"error":{"code":500}})", R"({"code":500})"},
      {"an object whose message is null", R"({"error":{"message":null,"code":5}})",
       R"({"message":null,"code":5})"},
      {"an object whose message is an object", R"({"error":{"message":{"a":1}}})", R"({"a":1})"},
      {"in a choice it is another", R"({"choices":[{"error":"no"}]})", std::nullopt},
  };
  for (const auto& c : cases) {
    const auto answer = read_openai_answer(c.text);
    ASSERT_TRUE(answer) << c.name;
    EXPECT_EQ(answer->error, c.expected) << c.name;
  }
}

TEST(OpenAiAnswer, AnswersNothingWithoutAList) {
  const struct {
    std::string_view text;
    bool has_list;
  } cases[] = {
      {R"({"choices":[]})", true},
      {R"({"id":"x","choices":[{"index":0}]})", true},
      {R"({"object":"list","data":[]})", true},
      {"{}", false},
      {R"({"status":"ok"})", false},
      {R"({"choices":null})", false},
      {R"({"choices":{}})", false},
      {R"({"detail":[]})", false},
      {R"({"a":{"choices":[]}})", false},
  };
  for (const auto& c : cases) {
    const auto answer = read_openai_answer(c.text);
    ASSERT_TRUE(answer) << c.text;
    EXPECT_EQ(answer->has_list, c.has_list) << c.text;
  }
}

TEST(OpenAiAnswer, GarbageIsRefused) {
  for (const std::string_view text : {"", " ", "[]", "\"text\"", "null", "{", "{}}", "{\"a\":1,}",
                                      "<html>", "{\"a\":\"\xff\"}"}) {
    const auto answer = read_openai_answer(text);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().code, ErrorCode::upstream_garbage) << text;
  }
}

TEST(OpenAiEvent, TellsContentFromWhatNobodyWouldMiss) {
  constexpr auto chat = Operation::chat_completions;
  constexpr auto text = Operation::completions;
  const struct {
    const char* name;
    Operation operation;
    std::string_view data;
    Kind kind;
  } cases[] = {
      {"a comment", chat, "", Kind::lifecycle},
      {"the end", chat, "[DONE]", Kind::done},
      {"an empty object", chat, "{}", Kind::lifecycle},

      {"llama.cpp's first", chat,
       R"({"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}]})",
       Kind::lifecycle},
      {"vLLM's first", chat,
       R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,)"
       R"("finish_reason":null}],"prompt_token_ids":null})",
       Kind::lifecycle},
      {"Ollama's role in every chunk", chat,
       R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})",
       Kind::lifecycle},
      {"Ollama's text beside the role", chat,
       R"({"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]})",
       Kind::content},
      {"Ollama's last", chat,
       R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]})",
       Kind::content},
      {"Azure's filter results", chat, R"({"choices":[],"prompt_filter_results":[{}]})",
       Kind::lifecycle},
      {"OpenAI's usage of all other chunks", chat,
       R"({"choices":[{"index":0,"delta":{},"finish_reason":null}],"usage":null})",
       Kind::lifecycle},

      {"text", chat, R"({"choices":[{"delta":{"content":"Hi"}}]})", Kind::content},
      {"white space is text", chat, R"({"choices":[{"delta":{"content":" "}}]})", Kind::content},
      {"escaped text", chat, R"({"choices":[{"delta":{"content":"\n"}}]})", Kind::content},
      {"an empty delta", chat, R"({"choices":[{"delta":{}}]})", Kind::lifecycle},
      {"a delta null", chat, R"({"choices":[{"delta":null}]})", Kind::lifecycle},
      {"an empty delta that ends", chat, R"({"choices":[{"delta":{},"finish_reason":"length"}]})",
       Kind::content},
      {"reasoning", chat, R"({"choices":[{"delta":{"reasoning_content":"Hm"}}]})", Kind::content},
      {"no reasoning", chat,
       R"({"choices":[{"delta":{"content":"","reasoning_content":null,"tool_calls":[]}}]})",
       Kind::lifecycle},
      {"reasoning by its newer name", chat, R"({"choices":[{"delta":{"reasoning":"Hm"}}]})",
       Kind::content},
      {"a refusal", chat, R"({"choices":[{"delta":{"content":null,"refusal":"No"}}]})",
       Kind::content},
      {"no refusal", chat, R"({"choices":[{"delta":{"role":"assistant","refusal":null}}]})",
       Kind::lifecycle},
      {"a tool call begins", chat,
       R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function",)"
       R"("function":{"name":"f","arguments":""}}]}}]})",
       Kind::content},
      {"a tool call goes on", chat,
       R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]})",
       Kind::content},
      {"an old function call", chat,
       R"({"choices":[{"delta":{"function_call":{"arguments":"{"}}}]})", Kind::content},
      {"the second of n choices", chat,
       R"({"choices":[{"index":0,"delta":{"role":"assistant"}},{"index":1,"delta":{"content":"Hi"}}]})",
       Kind::content},
      {"none of n choices", chat, R"({"choices":[{"index":0,"delta":{}},{"index":1,"delta":{}}]})",
       Kind::lifecycle},
      {"escaped keys", chat, R"({"choice\u0073":[{"delt\u0061":{"\u0063ontent":"Hi"}}]})",
       Kind::content},
      {"the text of a completion is none of chat", chat, R"({"choices":[{"text":"Hi"}]})",
       Kind::lifecycle},

      {"a completion", text, R"({"choices":[{"index":0,"text":"Hi","finish_reason":null}]})",
       Kind::content},
      {"an empty completion", text, R"({"choices":[{"index":0,"text":"","finish_reason":null}]})",
       Kind::lifecycle},
      {"an empty completion that ends", text, R"({"choices":[{"text":"","finish_reason":"stop"}]})",
       Kind::content},
      {"a delta is none of a completion", text, R"({"choices":[{"delta":{"content":"Hi"}}]})",
       Kind::lifecycle},

      {"usage alone", chat, R"({"choices":[],"usage":{"prompt_tokens":1}})", Kind::usage},
      {"usage before choices", chat, R"({"usage":{"prompt_tokens":1},"choices":[]})", Kind::usage},
      {"llama.cpp's usage", chat,
       R"({"choices":[],"usage":{"prompt_tokens":1},"timings":{"cache_n":0}})", Kind::usage},
      {"usage without choices", chat, R"({"usage":{"prompt_tokens":1}})", Kind::usage},
      {"usage beside text", chat,
       R"({"choices":[{"delta":{"content":"Hi"}}],"usage":{"prompt_tokens":1}})", Kind::content},
      {"usage beside nothing", chat, R"({"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}})",
       Kind::lifecycle},
      {"usage null alone", chat, R"({"choices":[],"usage":null})", Kind::lifecycle},

      {"an error", chat, R"({"error":{"message":"no","code":500}})", Kind::error},
      {"an error in words", chat, R"({"error":"no"})", Kind::error},
      {"an error beside text", chat, R"({"choices":[{"delta":{"content":"Hi"}}],"error":{}})",
       Kind::error},
      {"no error", chat, R"({"error":null,"choices":[{"delta":{"content":"Hi"}}]})", Kind::content},
      {"choices of another kind", chat, R"({"choices":{"delta":{"content":"Hi"}}})",
       Kind::lifecycle},
      {"a choice of another kind", chat, R"({"choices":["Hi",null,7]})", Kind::lifecycle},
  };
  for (const auto& c : cases) {
    const auto event = read_openai_event(c.operation, c.data);
    ASSERT_TRUE(event) << c.name;
    EXPECT_EQ(event->kind, c.kind) << c.name;
  }
}

TEST(OpenAiEvent, CarriesTheUpstreamsWords) {
  const auto event =
      read_openai_event(Operation::chat_completions, R"({"error":{"message":"KV cache is full"}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->error, "KV cache is full");
}

TEST(OpenAiEvent, GarbageIsRefused) {
  for (const std::string_view data : {"[DONE", "DONE", "[]", "{\"choices\":[", "x", " ", "{} {}"}) {
    const auto event = read_openai_event(Operation::chat_completions, data);
    ASSERT_FALSE(event) << data;
    EXPECT_EQ(event.error().code, ErrorCode::upstream_garbage) << data;
  }
}

TEST(UpstreamError, IsReadWhateverItsShape) {
  const struct {
    const char* name;
    std::string body;
    std::string expected;
  } cases[] = {
      {"OpenAI", R"({"error":{"message":"no such model","type":"x","code":null}})",
       "no such model"},
      {"Ollama", R"({"error":"model 'nope' not found"})", "model 'nope' not found"},
      {"Anthropic", R"({"type":"error","error":{"type":"x","message":"overloaded"}})",
       "overloaded"},
      {"FastAPI", R"({"detail":"Not Found"})", "Not Found"},
      {"FastAPI, a list", R"({"detail":[{"loc":["body"],"msg":"field required"}]})",
       R"([{"loc":["body"],"msg":"field required"}])"},
      {"vLLM before 0.10", R"({"object":"error","message":"too long","code":400})", "too long"},
      {"an error null", R"({"error":null,"message":"gone"})", "gone"},
      {"escapes", R"({"error":"a\"b\nc"})", "a\"b\nc"},
      {"JSON of no known shape", R"({"status":"bad"})", R"({"status":"bad"})"},
      {"an empty message", R"({"error":""})", R"({"error":""})"},
      {"a JSON string", R"("no")", R"("no")"},
      {"plain text", "404 page not found\n", "404 page not found\n"},
      {"nothing", "", ""},
      {"cut JSON", R"({"error":{"message":"no)", R"({"error":{"message":"no)"},
      {"not UTF-8", "\xff\xfe", "\xff\xfe"},
      {"a proxy's page",
       "\r\n<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>x</body></html>",
       "a page, '502 Bad Gateway'"},
      {"a page without a title", "<h1>No</h1>", "a page"},
      {"a page whose title is cut", "<title>50", "a page, '50'"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(read_upstream_error(c.body), c.expected) << c.name;
}

TEST(UpstreamError, IsCutBetweenCharacters) {
  EXPECT_EQ(read_upstream_error(std::string(512, 'x')).size(), 512U);
  EXPECT_EQ(read_upstream_error(std::string(513, 'x')).size(), 512U);
  // Three bytes each: 170 of them are 510.
  std::string euros;
  for (int i = 0; i < 200; ++i)
    euros += "\xE2\x82\xAC";
  EXPECT_EQ(read_upstream_error(euros), euros.substr(0, 510));
  EXPECT_EQ(read_upstream_error("x" + euros), ("x" + euros).substr(0, 511));
  EXPECT_EQ(read_upstream_error("xx" + euros), ("xx" + euros).substr(0, 512));
  // Bytes that belong to no character do not take all with them.
  EXPECT_LE(read_upstream_error(std::string(600, '\x80')).size(), 512U);
}

}  // namespace
}  // namespace rocket
