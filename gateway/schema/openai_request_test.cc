#include "schema/openai_request.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace rocket {
namespace {

using Nlohmann = nlohmann::json;
using Names = std::vector<std::string>;

OpenAiRequest read(std::string_view body, Operation operation = Operation::completions) {
  const auto request = read_openai_request(operation, body);
  EXPECT_TRUE(request) << body << ": " << (request ? "" : request.error().detail);
  return request.value_or(OpenAiRequest{});
}

std::string sent(const OpenAiRequest& request, std::string_view body, std::string_view model,
                 bool ask_usage = true) {
  const auto edits = upstream_edits(request, model, ask_usage);
  std::string all;
  for (const std::string_view piece : splice(body, edits))
    all += piece;
  return all;
}

TEST(OpenAiRequest, ReadsWhatItNeeds) {
  const struct {
    const char* name;
    Operation operation;
    std::string_view body;
    bool tools;
    std::string_view prompt;
  } cases[] = {
      {"chat", Operation::chat_completions, R"({"messages":[{"role":"user"}],"model":"m"})", false,
       R"([{"role":"user"}])"},
      {"tools", Operation::chat_completions,
       R"({"tools":[{"type":"function"}],"messages":[{"role":"user"}]})", true,
       R"([{"role":"user"}])"},
      {"no tool in the list", Operation::completions, R"({"tools":[ ]})", false, ""},
      {"tools that are none", Operation::completions, R"({"tools":{"a":1}})", false, ""},
      {"tools null", Operation::completions, R"({"tools":null})", false, ""},
      {"a prompt", Operation::completions, R"({"prompt": "Once upon" })", false, R"("Once upon")"},
      {"several prompts", Operation::completions, R"({"prompt":["a","b"]})", false, ""},
      {"a prompt elsewhere", Operation::embeddings, R"({"input":"a","prompt":"b"})", false, ""},
  };
  for (const auto& c : cases) {
    const OpenAiRequest request = read(c.body, c.operation);
    EXPECT_EQ(request.tools, c.tools) << c.name;
    EXPECT_EQ(c.body.substr(request.prompt_begin, request.prompt_end - request.prompt_begin),
              c.prompt)
        << c.name;
  }
}

TEST(OpenAiRequest, FindsFilesWhereverTheOperationHasThem) {
  const struct {
    const char* name;
    Operation operation;
    std::string body;
    size_t urls;
    bool images;
  } cases[] = {
      {"none", Operation::chat_completions,
       R"({"messages":[{"role":"user","content":"[image_url] http://a/"}]})", 0, false},
      {"chat", Operation::chat_completions,
       R"({"messages":[{"role":"user","content":[{"image_url":"http://a/"}]}]})", 1, true},
      {"Anthropic", Operation::messages,
       R"({"messages":[{"content":[{"type":"image","source":{"type":"url","url":"http://a/"}}]}]})",
       1, true},
      {"a count", Operation::count_tokens,
       R"({"messages":[{"content":[{"type":"image","source":{"type":"url","url":"http://a/"}}]}]})",
       1, true},
      {"Responses", Operation::responses,
       R"({"input":[{"role":"user","content":[{"type":"input_image","image_url":"http://a/"}]}]})",
       1, true},
      {"Responses, a text", Operation::responses, R"({"input":"[http://a/]"})", 0, false},
      {"Ollama", Operation::ollama_chat,
       R"({"messages":[{"role":"user","content":"","images":["http://a/","iVBORw0KGgo="]}]})", 1,
       true},
      {"Ollama, a prompt", Operation::ollama_generate, R"({"prompt":"","images":["http://a/"]})", 1,
       true},
      {"Ollama, base64", Operation::ollama_generate, R"({"prompt":"","images":["iVBORw0KGgo="]})",
       0, true},
      {"messages of another operation", Operation::embeddings,
       R"({"input":"a","messages":[{"role":"user","content":[{"image_url":"http://a/"}]}]})", 1,
       true},
  };
  for (const auto& c : cases) {
    const OpenAiRequest request = read(c.body, c.operation);
    EXPECT_EQ(request.attachments.urls.size(), c.urls) << c.name;
    EXPECT_EQ(request.attachments.images, c.images) << c.name;
    for (const MediaUrl& url : request.attachments.urls)
      EXPECT_EQ(url.raw(c.body), "http://a/") << c.name;
  }
}

TEST(OpenAiRequest, ReadsWhatRoutesIt) {
  const struct {
    const char* name;
    std::string_view body;
    const char* model;
    const char* backend;
    bool stream;
    bool usage_asked;
  } cases[] = {
      {"nothing", "{}", "", "", false, false},
      {"all",
       R"({"model":"m","backend":"b","stream":true,"stream_options":{"include_usage":true}})", "m",
       "b", true, true},
      {"nulls", R"({"model":null,"backend":null,"stream":null,"stream_options":null})", "", "",
       false, false},
      {"empty strings", R"({"model":"","backend":""})", "", "", false, false},
      {"escaped keys", R"({"\u006dodel":"m","b\u0061ckend":"b","strea\u006D":true})", "m", "b",
       true, false},
      {"escaped values", R"({"model":"a\/b\u003ac","backend":"\u00e9"})", "a/b:c", "\xC3\xA9",
       false, false},
      {"nested ones are others", R"({"x":{"model":"m","backend":"b","stream":true}})", "", "",
       false, false},
      {"usage without a stream", R"({"stream_options":{"include_usage":true}})", "", "", false,
       true},
      {"usage refused", R"({"stream":true,"stream_options":{"include_usage":false}})", "", "", true,
       false},
      {"usage null", R"({"stream":true,"stream_options":{"include_usage":null}})", "", "", true,
       false},
      {"usage by another name", R"({"stream":true,"stream_options":{"usage":true}})", "", "", true,
       false},
      {"an empty key is a key", R"({"":1,"model":"m"})", "m", "", false, false},
      {"white space", " \r\n\t{ \"model\" : \"m\" , \"stream\" : true } \n", "m", "", true, false},
  };
  for (const auto& c : cases) {
    const OpenAiRequest request = read(c.body);
    EXPECT_EQ(request.model, c.model) << c.name;
    EXPECT_EQ(request.backend, c.backend) << c.name;
    EXPECT_EQ(request.stream, c.stream) << c.name;
    EXPECT_EQ(request.usage_asked, c.usage_asked) << c.name;
  }
}

TEST(OpenAiRequest, AnOllamaRequestMayAskForNothing) {
  const struct {
    Operation operation;
    std::string_view body;
    bool nothing;
  } cases[] = {
      {Operation::ollama_chat, R"({"model":"m"})", true},
      {Operation::ollama_chat, R"({"model":"m","messages":[ ]})", true},
      {Operation::ollama_chat, R"({"model":"m","messages":[{}]})", false},
      {Operation::ollama_generate, R"({"model":"m","keep_alive":0})", true},
      {Operation::ollama_generate, R"({"model":"m","prompt":"","images":[]})", true},
      {Operation::ollama_generate, R"({"model":"m","prompt":"","images":["aGk="]})", true},
      {Operation::ollama_generate, R"({"model":"m","prompt":" "})", false},
      {Operation::ollama_generate, R"({"model":"m","prompt":null})", true},
      {Operation::ollama_generate, R"({"model":"m","prompt":1})", false},
      {Operation::completions, R"({"model":"m"})", false},
  };
  for (const auto& c : cases) {
    const OpenAiRequest request = read(c.body, c.operation);
    EXPECT_EQ(request.asks_nothing, c.nothing) << c.body;
    if (c.operation != Operation::completions) {
      EXPECT_EQ(request.stream, !c.nothing) << c.body;
    }
  }
}

// What we look at has to be what the upstream does.
TEST(OpenAiRequest, AKeyThatOthersMayTakeForARoutedOneIsRefused) {
  for (const std::string_view member :
       {R"("MODEL":"b")", R"("Model":"b")", R"("mOdeL":1)", R"("STREAM":true)",
        R"("\u004dodel":"b")", "\"\xC5\xBFtream\":true", R"("\u017ftream":true)",
        "\"bac\xE2\x84\xAA"
        "end\":\"b\"",
        R"("Stream_Options":{})", R"("Messages":[])", R"("IMAGES":[])"}) {
    const std::string body = R"({"messages":[{}],"model":"a",)" + std::string(member) + "}";
    const auto request = read_openai_request(Operation::chat_completions, body);
    ASSERT_FALSE(request) << member;
    EXPECT_EQ(request.error().code, ErrorCode::invalid_field) << member;
  }
  for (const std::string_view member : {R"("models":1)", R"("Mode":1)", R"("metadata":1)",
                                        R"("\u006dodels":1)", R"("S":1)", R"("streams":1)"}) {
    const std::string body = R"({"messages":[{}],"model":"a",)" + std::string(member) + "}";
    EXPECT_TRUE(read_openai_request(Operation::chat_completions, body)) << member;
  }
}

TEST(OpenAiRequest, CountsChoices) {
  const struct {
    Operation operation;
    std::string_view members;
    std::uint32_t choices;
  } cases[] = {
      {Operation::chat_completions, R"("model":"m")", 1},
      {Operation::chat_completions, R"("n":3)", 3},
      {Operation::completions, R"("n":3.0)", 3},
      {Operation::chat_completions, R"("\u006e":2)", 2},
      {Operation::chat_completions, R"("n":null)", 1},
      {Operation::chat_completions, R"("n":"3")", 1},
      {Operation::chat_completions, R"("n":0)", 1},
      {Operation::chat_completions, R"("n":-4)", 1},
      {Operation::chat_completions, R"("n":99999999999)", 4294967295},
      {Operation::embeddings, R"("n":3,"input":"a")", 1},
      {Operation::responses, R"("n":3,"input":"a")", 1},
      {Operation::messages, R"("n":3)", 1},
      {Operation::ollama_chat, R"("n":3)", 1},
  };
  for (const auto& c : cases) {
    const std::string body = R"({"messages":[{"role":"user"}],)" + std::string(c.members) + "}";
    EXPECT_EQ(read(body, c.operation).choices, c.choices) << body;
  }
  EXPECT_FALSE(read_openai_request(Operation::completions, R"({"n":1,"n":2})"));
}

TEST(OpenAiRequest, SeesTheContextThatOllamaIsToLoadWith) {
  const struct {
    Operation operation;
    std::string_view members;
    std::uint32_t context;
  } cases[] = {
      {Operation::ollama_chat, R"("options":{"num_ctx":512})", 512},
      {Operation::ollama_generate, R"("options":{"seed":1,"num_ctx":512.0})", 512},
      {Operation::ollama_chat, R"("options":{"num_ctx":0})", 0},
      {Operation::ollama_chat, R"("options":{"num_ctx":-1})", 0},
      {Operation::ollama_chat, R"("options":{"num_ctx":"512"})", 0},
      {Operation::ollama_chat, R"("options":{"num_ctx":99999999999})", 0},
      {Operation::ollama_chat, R"("options":{})", 0},
      {Operation::ollama_chat, R"("options":null)", 0},
      {Operation::ollama_chat, R"("options":[512])", 0},
      {Operation::ollama_chat, R"("num_ctx":512)", 0},
      {Operation::chat_completions, R"("options":{"num_ctx":512})", 0},
  };
  for (const auto& c : cases) {
    const std::string body =
        R"({"messages":[{"role":"user"}],"prompt":"a",)" + std::string(c.members) + "}";
    EXPECT_EQ(read(body, c.operation).context, c.context) << body;
  }
}

TEST(OpenAiRequest, SeesWhoSteersTools) {
  const struct {
    std::string_view members;
    bool steers;
  } cases[] = {
      {R"("model":"m")", false},
      {R"("tool_choice":null)", false},
      {R"("tool_choice":"auto")", false},
      {R"("tool_choice":"none")", true},
      {R"("tool_choice":"required")", true},
      {R"("tool_choice":{"type":"function","function":{"name":"f"}})", true},
      {R"("tool_choice":"none","parallel_tool_calls":true)", true},
      {R"("parallel_tool_calls":true)", false},
      {R"("parallel_tool_calls":null)", false},
      {R"("parallel_tool_calls":false)", true},
  };
  for (const auto& c : cases) {
    const std::string body = R"({"messages":[{"role":"user"}],)" + std::string(c.members) + "}";
    EXPECT_EQ(read(body, Operation::chat_completions).steers_tools, c.steers) << body;
    // Their own readers see to it.
    EXPECT_FALSE(read(body, Operation::messages).steers_tools) << body;
  }
}

TEST(OpenAiRequest, EmbeddingsAreNeverStreamed) {
  const std::string_view body = R"({"input":"a","stream":true})";
  const OpenAiRequest request = read(body, Operation::embeddings);
  EXPECT_FALSE(request.stream);
  EXPECT_EQ(sent(request, body, ""), body);
}

TEST(OpenAiRequest, OllamaStreamsUnlessToldNotToOrThereIsOnlyAModelToLoad) {
  const struct {
    Operation operation;
    std::string_view body;
    bool stream;
  } cases[] = {
      {Operation::ollama_chat, R"({"messages":[{"role":"user","content":"a"}]})", true},
      {Operation::ollama_chat, R"({"messages":[{"role":"user"}],"stream":null})", true},
      {Operation::ollama_chat, R"({"messages":[{"role":"user"}],"stream":false})", false},
      {Operation::ollama_chat, R"({"messages":[]})", false},
      {Operation::ollama_chat, R"({"model":"m"})", false},
      {Operation::ollama_generate, R"({"prompt":"a"})", true},
      {Operation::ollama_generate, R"({"images":["aa"]})", false},
      {Operation::ollama_generate, R"({"prompt":""})", false},
      {Operation::ollama_generate, R"({"keep_alive":0})", false},
  };
  for (const auto& c : cases) {
    const auto request = read_openai_request(c.operation, c.body);
    ASSERT_TRUE(request.has_value()) << c.body;
    EXPECT_EQ(request->stream, c.stream) << c.body;
  }
}

TEST(OpenAiRequest, NamesWhatIsWrongWithIt) {
  constexpr auto chat = Operation::chat_completions;
  constexpr auto completions = Operation::completions;
  constexpr auto embeddings = Operation::embeddings;
  constexpr auto json = ErrorCode::invalid_json;
  constexpr auto field = ErrorCode::invalid_field;
  const struct {
    const char* name;
    Operation operation;
    std::string_view body;
    ErrorCode code;
    const char* named;
  } cases[] = {
      {"empty", chat, "", json, "line 1, column 1"},
      {"not an object", chat, "[1]", json, "line 1, column 1"},
      {"cut", chat, "{\"messages\":[\n{}", json, "line 2, column 3"},
      {"bad JSON behind a bad field", chat, "{\"model\":1,\n,}", json, "line 2, column 1"},
      {"two bodies", chat, R"({"messages":[{}]}{})", json, "column 18"},
      {"no messages", chat, "{}", field, "`messages` is missing; send"},
      {"messages null", chat, R"({"messages":null})", field, "`messages` must be a list"},
      {"messages a string", chat, R"({"messages":"Hi"})", field, "`messages` must be a list"},
      {"messages empty", chat, R"({"messages":[]})", field, "`messages` is empty; send"},
      {"a message is a string", chat, R"({"messages":[{},"Hi"]})", field, "`messages[1]` must be"},
      {"messages twice", chat, R"({"messages":[{}],"messages":[{}]})", field,
       "`messages` stands twice"},
      {"no input", embeddings, R"({"model":"m"})", field, "`input` is missing; send"},
      {"input an object", embeddings, R"({"input":{}})", field,
       "`input` must be a string or a list"},
      {"input null", embeddings, R"({"input":null})", field, "`input` must be a string or a list"},
      {"input twice", embeddings, R"({"input":"a","input":"b"})", field, "`input` stands twice"},
      {"model a number", completions, R"({"model":7})", field, "`model` must be a string"},
      {"model a list", completions, R"({"model":["m"]})", field, "`model` must be a string"},
      {"model twice", completions, R"({"model":"a","model":"b"})", field, "`model` stands twice"},
      {"model twice, once escaped", completions, R"({"model":"a","mode\u006c":"b"})", field,
       "`model` stands twice"},
      {"model twice, once null", completions, R"({"model":null,"model":"b"})", field,
       "`model` stands twice"},
      {"backend a number", completions, R"({"backend":7})", field, "`backend` must be a string"},
      {"backend twice", completions, R"({"backend":"a","backend":"a"})", field,
       "`backend` stands twice"},
      {"stream a string", completions, R"({"stream":"true"})", field, "`stream` must be true or"},
      {"stream a number", completions, R"({"stream":1})", field, "`stream` must be true or false"},
      {"stream twice", completions, R"({"stream":true,"stream":false})", field,
       "`stream` stands twice"},
      {"stream of embeddings", embeddings, R"({"input":"a","stream":1})", field,
       "`stream` must be true or false"},
      {"stream_options a flag", completions, R"({"stream_options":true})", field,
       "`stream_options` must be an object"},
      {"stream_options twice", completions, R"({"stream_options":{},"stream_options":{}})", field,
       "`stream_options` stands twice"},
      {"include_usage twice", completions,
       R"({"stream_options":{"include_usage":true,"include_usage":false}})", field,
       "`stream_options.include_usage` stands twice"},
      {"the first fault counts", completions, R"({"backend":1,"model":2})", field, "`backend`"},
  };
  for (const auto& c : cases) {
    const auto request = read_openai_request(c.operation, c.body);
    ASSERT_FALSE(request) << c.name;
    EXPECT_EQ(request.error().code, c.code) << c.name;
    EXPECT_TRUE(request.error().detail.contains(c.named))
        << c.name << ": " << request.error().detail;
  }
}

TEST(OpenAiRequest, WhatAnOperationRequiresIsNoneOfTheOthersBusiness) {
  EXPECT_TRUE(read_openai_request(Operation::completions, R"({"messages":1,"input":{}})"));
  EXPECT_TRUE(read_openai_request(Operation::embeddings, R"({"messages":1,"input":"a"})"));
  EXPECT_TRUE(read_openai_request(Operation::chat_completions, R"({"messages":[{}],"input":{}})"));
  EXPECT_TRUE(read_openai_request(Operation::embeddings, R"({"input":[[1,2],[3]]})"));
}

TEST(OpenAiRequest, IsSentByteForByteButForWhatMustChange) {
  const struct {
    const char* name;
    std::string_view body;
    const char* model;
    const char* expected;
  } cases[] = {
      {"nothing to change", R"( {"model" : "a", "x":1.0e2} )", "",
       R"( {"model" : "a", "x":1.0e2} )"},
      {"the model", R"({"x":1, "model" : "a" , "y":2})", "m", R"({"x":1, "model" : "m" , "y":2})"},
      {"the model null", R"({"model":null})", "m", R"({"model":"m"})"},
      {"a model to be escaped", R"({"model":"a"})", "a\"b\\\n", R"({"model":"a\"b\\\n"})"},
      {"no model in nothing", "{}", "m", R"({"model":"m"})"},
      {"no model in white space", "{ \n }", "m", "{\"model\":\"m\" \n }"},
      {"no model", R"({ "x":1})", "m", R"({"model":"m", "x":1})"},
      {"backend alone", R"({"backend":"b"})", "", "{}"},
      {"backend alone in white space", R"({ "backend" : "b" })", "", "{  }"},
      {"backend alone, no model", R"({"backend":"b"})", "m", R"({"model":"m"})"},
      {"backend first", R"({"backend":"b", "x":1})", "", R"({"x":1})"},
      {"backend between", R"({"x":1 , "backend":"b" , "y":2})", "", R"({"x":1 , "y":2})"},
      {"backend last", R"({"x":1 , "backend":"b" })", "", R"({"x":1 })"},
      {"backend null", R"({"x":1,"backend":null})", "", R"({"x":1})"},
      {"backend by an escaped key", R"({"back\u0065nd":"b","x":1})", "", R"({"x":1})"},
      {"backend behind the model", R"({"model":"a","backend":"b"})", "m", R"({"model":"m"})"},
      {"backend before the model", R"({"backend":"b","model":"a"})", "m", R"({"model":"m"})"},
      {"backend first, no model", R"({"backend":"b","x":1})", "m", R"({"model":"m","x":1})"},
      {"backend last, no model", R"({"x":1,"backend":"b"})", "m", R"({"model":"m","x":1})"},
      {"backend in a nested object stays", R"({"x":{"backend":"b"}})", "",
       R"({"x":{"backend":"b"}})"},
      {"usage", R"({"stream":true})", "",
       R"({"stream_options":{"include_usage":true},"stream":true})"},
      {"usage and model", R"({"stream":true})", "m",
       R"({"model":"m","stream_options":{"include_usage":true},"stream":true})"},
      {"usage asked", R"({"stream":true,"stream_options":{ "include_usage":true }})", "",
       R"({"stream":true,"stream_options":{ "include_usage":true }})"},
      {"usage false", R"({"stream":true,"stream_options":{"include_usage": false}})", "",
       R"({"stream":true,"stream_options":{"include_usage": true}})"},
      {"usage null", R"({"stream":true,"stream_options":{"include_usage":null,"x":1}})", "",
       R"({"stream":true,"stream_options":{"include_usage":true,"x":1}})"},
      {"usage by an escaped key",
       R"({"stream":true,"stream\u005foptions":{"include\u005fusage":false}})", "",
       R"({"stream":true,"stream\u005foptions":{"include\u005fusage":true}})"},
      {"options null", R"({"stream_options":null,"stream":true})", "",
       R"({"stream_options":{"include_usage":true},"stream":true})"},
      {"options empty", R"({"stream_options":{ },"stream":true})", "",
       R"({"stream_options":{"include_usage":true},"stream":true})"},
      {"other options", R"({"stream_options":{ "x":[1]},"stream":true})", "",
       R"({"stream_options":{"include_usage":true, "x":[1]},"stream":true})"},
      {"no stream, no usage", R"({"stream":false,"stream_options":{"include_usage":false}})", "",
       R"({"stream":false,"stream_options":{"include_usage":false}})"},
      {"everything at once, side by side",
       R"({"stream_options":null,"backend":"b","model":"a","stream":true})", "m",
       R"({"stream_options":{"include_usage":true},"model":"m","stream":true})"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(sent(read(c.body), c.body, c.model), c.expected) << c.name;
  }
}

TEST(OpenAiRequest, UsageIsOnlyAskedForIfTold) {
  const std::string_view body = R"({"stream":true,"model":"a"})";
  EXPECT_EQ(sent(read(body), body, "m", false), R"({"stream":true,"model":"m"})");
}

std::string object_of(const Names& members, bool spaced) {
  std::string body = spaced ? " {\n" : "{";
  bool first = true;
  for (const std::string& member : members) {
    if (member.empty()) continue;
    if (!first) body += spaced ? " ,\t" : ",";
    body += member;
    first = false;
  }
  return body + (spaced ? " \r\n} \n" : "}");
}

// What nlohmann would send.
Nlohmann expected_of(const std::string& body) {
  Nlohmann expected = Nlohmann::parse(body);
  expected.erase("backend");
  expected["model"] = "m";
  if (expected.value("stream", false)) expected["stream_options"]["include_usage"] = true;
  return expected;
}

TEST(OpenAiRequest, EveryMemberInEveryPlaceIsSentAsASecondParserSays) {
  const Names models{"", R"("model":"a")", R"("model" : null)", R"("m\u006fdel":"a")"};
  const Names backends{"", R"("backend":"b")", R"("backend" :null)", R"("\u0062ackend":"b")"};
  const Names streams{"", R"("stream":true)", R"("stream": false)"};
  const Names options{"",
                      R"("stream_options":null)",
                      R"("stream_options":{})",
                      R"("stream_options" : { })",
                      R"("stream_options":{"include_usage":true})",
                      R"("stream_options":{"include_usage":false})",
                      R"("stream_options":{ "x" : 1 })",
                      R"("stream_options":{"x":{},"include_usage":null,"y":[]})"};
  const Names others{"", R"("x":{"model":"no","backend":"no","stream":false})"};
  size_t count = 0;
  const auto check = [&](Names members) {
    std::ranges::sort(members);
    do {
      for (const bool spaced : {false, true}) {
        const std::string body = object_of(members, spaced);
        const std::string out = sent(read(body), body, "m");
        const Nlohmann after = Nlohmann::parse(out, nullptr, false);
        ASSERT_EQ(after, expected_of(body)) << body << " became " << out;
        ++count;
      }
    } while (std::ranges::next_permutation(members).found);
  };
  for (const std::string& model : models) {
    for (const std::string& backend : backends) {
      for (const std::string& option : options)
        check({model, backend, option, streams[1]});
    }
  }
  for (const std::string& backend : backends) {
    for (const std::string& stream : streams) {
      for (const std::string& other : others)
        check({models[1], backend, stream, options[6], other});
    }
  }
  EXPECT_GT(count, 5000U);
}

}  // namespace
}  // namespace rocket
