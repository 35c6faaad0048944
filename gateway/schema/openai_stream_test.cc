#include "schema/openai_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

constexpr std::string_view role = R"({"choices":[{"delta":{"role":"assistant","content":""}}]})";
constexpr std::string_view hello = R"({"choices":[{"delta":{"content":"Hello"}}]})";
constexpr std::string_view stop = R"({"choices":[{"delta":{},"finish_reason":"stop"}]})";
constexpr std::string_view usage =
    R"({"choices":[],"usage":{"prompt_tokens":36,"completion_tokens":8}})";
constexpr std::string_view done = "[DONE]";
constexpr std::string_view comment = "";
constexpr std::string_view first_half = R"({"choices":[{"delta":{"content":"\ud83d"}}]})";
constexpr std::string_view second_half = R"({"choices":[{"delta":{"content":"\ude00"}}]})";

struct Told {
  std::vector<std::string_view> seen;  // what the client is to see
  bool content = false;
  bool done = false;
  std::optional<ErrorCode> error;
};

Told tell(OpenAiStream& stream, const std::vector<std::string_view>& data) {
  Told told;
  for (const std::string_view one : data) {
    const auto forward = stream.take({one, one});
    if (!forward) {
      told.error = forward.error().code;
      break;
    }
    if (*forward != Shown::nothing) told.seen.push_back(one);
  }
  told.content = stream.content_seen();
  told.done = stream.done();
  return told;
}

TEST(OpenAiStream, ShowsTheClientWhatItMaySee) {
  using Data = std::vector<std::string_view>;
  const struct {
    const char* name;
    bool usage_asked;
    Data events;
    Data seen;
    bool content;
    bool done;
  } cases[] = {
      {"nothing", false, {}, {}, false, false},
      {"a whole answer",
       true,
       {role, hello, stop, usage, done},
       {role, hello, stop, usage, done},
       true,
       true},
      {"usage nobody asked for",
       false,
       {role, hello, stop, usage, done},
       {role, hello, stop, done},
       true,
       true},
      {"comments",
       false,
       {comment, role, comment, hello},
       {comment, role, comment, hello},
       true,
       false},
      {"only a role", false, {comment, role, role}, {comment, role, role}, false, false},
      {"cut", false, {role, hello}, {role, hello}, true, false},
      {"ends without a word", false, {role, done}, {role, done}, false, true},
      {"usage is no content", true, {role, usage}, {role, usage}, false, false},
      {"how it ended is content", false, {role, stop}, {role, stop}, true, false},
      {"a character in two events",
       false,
       {role, hello, first_half, second_half, hello},
       {role, hello, first_half, second_half, hello},
       true,
       false},
      {"half of one first", false, {first_half, hello}, {first_half, hello}, true, false},
      {"an empty line behind the end", false, {hello, done, comment}, {hello, done}, true, true},
      {"more behind the end",
       false,
       {hello, done, hello, "garbage", R"({"error":"no"})"},
       {hello, done},
       true,
       true},
  };
  for (const auto& c : cases) {
    OpenAiStream stream(Operation::chat_completions, c.usage_asked);
    const Told told = tell(stream, c.events);
    EXPECT_EQ(told.seen, c.seen) << c.name;
    EXPECT_EQ(told.content, c.content) << c.name;
    EXPECT_EQ(told.done, c.done) << c.name;
    EXPECT_FALSE(told.error) << c.name;
  }
}

// Some servers tell it with the end of the answer, if they are asked for it.
TEST(OpenAiStream, UsageBesideAnEndIsForWhoAskedForIt) {
  constexpr std::string_view ends =
      R"({"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"completion_tokens":8}})";
  constexpr std::string_view says =
      R"({"choices":[{"delta":{"content":"x"}}],"usage":{"completion_tokens":8}})";
  constexpr std::string_view null =
      R"({"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null})";
  constexpr auto chat = Operation::chat_completions;
  const struct {
    const char* name;
    Operation operation;
    bool usage_asked;
    std::string_view event;
    Shown shown;
  } cases[] = {
      {"with the end", chat, false, ends, Shown::all_but_usage},
      {"with a text", chat, false, says, Shown::all_but_usage},
      {"asked for", chat, true, ends, Shown::all},
      {"none", chat, false, null, Shown::all},
      {"a text completion's", Operation::completions, false,
       R"({"choices":[{"text":"","finish_reason":"stop"}],"usage":{"completion_tokens":8}})",
       Shown::all},
  };
  for (const auto& c : cases) {
    OpenAiStream stream(c.operation, c.usage_asked);
    const auto shown = stream.take({c.event, c.event});
    ASSERT_TRUE(shown) << c.name;
    EXPECT_EQ(*shown, c.shown) << c.name;
    EXPECT_EQ(stream.usage().out, c.event == null ? 0 : 8) << c.name;
  }
}

TEST(OpenAiStream, UsageIsTakenOutWhereverItStands) {
  const struct {
    std::string_view data;
    std::string_view kept;
  } cases[] = {
      {R"({"a":1,"usage":{"x":2}})", R"({"a":1})"},
      {R"({"usage":{"x":2},"a":[1, 2],"b":"\ud83d\ude00"})", R"({"a":[1, 2],"b":"\ud83d\ude00"})"},
      {R"({"a":{"usage":1},"usage":{"x":2},"b":2})", R"({"a":{"usage":1},"b":2})"},
      {R"({"usage":{}})", "{}"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(without_usage(c.data), c.kept);
}

TEST(OpenAiStream, EndsWithAFault) {
  const struct {
    const char* name;
    std::vector<std::string_view> events;
    ErrorCode code;
    bool content;
  } cases[] = {
      {"garbage", {role, "<html>"}, ErrorCode::upstream_garbage, false},
      {"half a character and garbage",
       {role, R"({"choices":[{"delta":{"content":"\ud83d"}})"},
       ErrorCode::upstream_garbage,
       false},
      {"garbage behind content", {hello, "{\"cut"}, ErrorCode::upstream_garbage, true},
      {"an error first", {R"({"error":"no"})"}, ErrorCode::upstream_error_event, false},
      {"an error behind content",
       {hello, R"({"error":{"message":"no"}})"},
       ErrorCode::upstream_error_event,
       true},
  };
  for (const auto& c : cases) {
    OpenAiStream stream(Operation::chat_completions, false);
    const Told told = tell(stream, c.events);
    EXPECT_EQ(told.error, c.code) << c.name;
    EXPECT_EQ(told.content, c.content) << c.name;
    EXPECT_FALSE(told.done) << c.name;
  }
}

TEST(OpenAiStream, AnErrorKeepsTheUpstreamsWords) {
  OpenAiStream stream(Operation::chat_completions, false);
  const auto taken = stream.take({"", R"({"error":{"message":"KV cache is full"}})"});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().detail, "KV cache is full");
}

TEST(OpenAiStream, CountsTokens) {
  constexpr std::string_view hello_1 =
      R"({"choices":[{"delta":{"content":"H"}}],"usage":{"prompt_tokens":36,"completion_tokens":1}})";
  constexpr std::string_view hello_2 =
      R"({"choices":[{"delta":{"content":"i"}}],"usage":{"prompt_tokens":36,"completion_tokens":2}})";
  constexpr std::string_view usage_null = R"({"choices":[{"delta":{"content":"i"}}],"usage":null})";
  constexpr std::string_view last =
      R"({"choices":[{"delta":{"content":"!"},"finish_reason":"stop"}]})";
  constexpr std::string_view ends_first =
      R"({"choices":[{"finish_reason":"stop","delta":{"content":"!"}}]})";
  constexpr std::string_view both =
      R"({"choices":[{"delta":{},"finish_reason":"stop"},{"delta":{"content":"!"}}]})";
  const struct {
    const char* name;
    std::vector<std::string_view> events;
    std::int64_t in;
    std::int64_t out;
  } cases[] = {
      {"nothing", {}, 0, 0},
      {"as the upstream says", {role, hello, hello, stop, usage, done}, 36, 8},
      {"its last word counts", {role, hello_1, hello_2, done}, 36, 2},
      {"null is no word", {role, hello_1, usage_null, done}, 36, 1},
      {"without its word: events of content", {comment, role, hello, hello}, 0, 2},
      {"how it ended is no token", {role, hello, hello, stop, done}, 0, 2},
      {"a token that comes with it is one", {role, hello, last, done}, 0, 2},
      {"the same in the other order", {role, hello, ends_first, done}, 0, 2},
      {"an end after another choice's token", {both, done}, 0, 1},
      {"only an end", {role, stop, done}, 0, 0},
  };
  for (const auto& c : cases) {
    OpenAiStream stream(Operation::chat_completions, false);
    ASSERT_FALSE(tell(stream, c.events).error) << c.name;
    EXPECT_EQ(stream.usage().in, c.in) << c.name;
    EXPECT_EQ(stream.usage().out, c.out) << c.name;
  }
}

TEST(OpenAiStream, ReadsCompletionsToo) {
  OpenAiStream stream(Operation::completions, false);
  EXPECT_FALSE(tell(stream, {R"({"choices":[{"text":""}]})"}).content);
  EXPECT_TRUE(tell(stream, {R"({"choices":[{"text":"Hi"}]})"}).content);
}

}  // namespace
}  // namespace rocket
