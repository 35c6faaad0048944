#include "schema/event_pattern.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "schema/openai_stream.h"
#include "wire/json.h"
#include "wire/json_halves.h"

namespace rocket {
namespace {

using namespace std::string_literals;

constexpr std::string_view text = "Hello";
constexpr std::string_view event = R"({"a":[{"b":{"c":"Hello"},"d":null}],"e":"Hello"})";

EventPattern remembered() {
  EventPattern pattern;
  pattern.remember(event, event.substr(event.find(text), text.size()));
  return pattern;
}

TEST(EventPattern, MatchesWhatDiffersInNothingButTheText) {
  const struct {
    std::string name;
    std::string data;
    bool matches;
  } cases[] = {
      {"the same", R"({"a":[{"b":{"c":"Hello"},"d":null}],"e":"Hello"})", true},
      {"longer", R"({"a":[{"b":{"c":"Hello, world"},"d":null}],"e":"Hello"})", true},
      {"shorter", R"({"a":[{"b":{"c":"H"},"d":null}],"e":"Hello"})", true},
      {"empty", R"({"a":[{"b":{"c":""},"d":null}],"e":"Hello"})", false},
      {"escapes", R"({"a":[{"b":{"c":"\n\"\\\u00e9\ud83d\ude00"},"d":null}],"e":"Hello"})", true},
      {"UTF-8", "{\"a\":[{\"b\":{\"c\":\"\xC3\xA9\xF0\x9F\x98\x80\"},\"d\":null}],\"e\":\"Hello\"}",
       true},
      {"not UTF-8", "{\"a\":[{\"b\":{\"c\":\"\xFF\"},\"d\":null}],\"e\":\"Hello\"}", false},
      {"a cut character", "{\"a\":[{\"b\":{\"c\":\"\xC3\"},\"d\":null}],\"e\":\"Hello\"}", false},
      {"a surrogate in UTF-8",
       "{\"a\":[{\"b\":{\"c\":\"\xED\xA0\x80\"},\"d\":null}],\"e\":\"Hello\"}", false},
      {"half a pair", R"({"a":[{"b":{"c":"\ud83d"},"d":null}],"e":"Hello"})", false},
      {"an unknown escape", R"({"a":[{"b":{"c":"\x"},"d":null}],"e":"Hello"})", false},
      {"an escape that is cut", R"({"a":[{"b":{"c":"\u00e"},"d":null}],"e":"Hello"})", false},
      {"an escaped closing quote", R"({"a":[{"b":{"c":"Hell\"},"d":null}],"e":"Hello"})", false},
      {"a line feed", "{\"a\":[{\"b\":{\"c\":\"a\nb\"},\"d\":null}],\"e\":\"Hello\"}", false},
      {"a NUL", "{\"a\":[{\"b\":{\"c\":\"a\0b\"},\"d\":null}],\"e\":\"Hello\"}"s, false},
      {"another member", R"({"a":[{"b":{"c":"x","d":"y"},"d":null}],"e":"Hello"})", false},
      {"the end twice", R"({"a":[{"b":{"c":"x"},"d":null}],"e":"Hello"},"d":null}],"e":"Hello"})",
       false},
      {"other in front", R"({"b":[{"b":{"c":"Hello"},"d":null}],"e":"Hello"})", false},
      {"other behind", R"({"a":[{"b":{"c":"Hello"},"d":null}],"e":"hello"})", false},
      {"cut", R"({"a":[{"b":{"c":"Hello"},"d":null}],"e":"Hello")", false},
      {"shorter than what is around the text", R"({"a":[)", false},
      {"nothing", "", false},
  };
  const EventPattern pattern = remembered();
  for (const auto& c : cases) {
    EXPECT_EQ(pattern.matches(c.data), c.matches) << c.name;
  }
}

TEST(EventPattern, MatchesNothingBeforeAnythingIsRemembered) {
  EXPECT_FALSE(EventPattern().matches(""));
  EXPECT_FALSE(EventPattern().matches(R"({})"));
}

TEST(EventPattern, HoldsNoLongEvent) {
  const std::string data = R"({"id":")" + std::string(2000, 'x') + R"(","text":"Hello"})";
  EventPattern pattern;
  pattern.remember(data, std::string_view(data).substr(data.find(text), text.size()));
  EXPECT_FALSE(pattern.matches(data));
}

// Read one by one, without memory.
struct Plain {
  std::int64_t content_events = 0;
  std::int64_t ends = 0;  // of them say nothing besides
  std::optional<Usage> usage;

  std::string take(const std::string& data) {
    const std::string readable = without_lone_halves(data).value_or(data);
    auto read = read_openai_event(Operation::chat_completions, readable);
    if (!read) return "garbage";
    if (read->usage && (read->usage->out != 0 || !usage)) usage = read->usage;
    if (read->kind == OpenAiEvent::Kind::error) return read->error;
    if (read->kind == OpenAiEvent::Kind::content) ++content_events;
    if (read->ends_only) ++ends;
    return read->kind == OpenAiEvent::Kind::usage ? "hidden" : "shown";
  }
};

std::string verdict(const Result<Shown>& taken) {
  if (taken) return *taken == Shown::nothing ? "hidden" : "shown";
  return taken.error().code == ErrorCode::upstream_garbage ? "garbage" : taken.error().detail;
}

// One event of a stream, with a byte or a piece of it changed now and then.
std::string some_event(Random& random) {
  static const std::string tokens[] = {
      "a",    " the", "\\n", "\xC3\xA9", "\\ud83d\\ude00", "0123456789abcdef",
      "\\\"", "",     "x\\", "\xC3",     "\\ud83d",        "\"},\"y\":{\"z\":\""};
  static const std::string usages[] = {"", R"(,"usage":null)",
                                       R"(,"usage":{"prompt_tokens":3,"completion_tokens":0})",
                                       R"(,"usage":{"prompt_tokens":3,"completion_tokens":7})"};
  static const std::string pieces[] = {"\"",
                                       "\\",
                                       "{",
                                       "}",
                                       "]",
                                       ",",
                                       "\xFF",
                                       "null",
                                       "1",
                                       R"("error":"x",)",
                                       R"("content":"",)",
                                       R"("choices":[],)"};
  const std::string& usage = random.uniform(8) != 0 ? usages[0] : usages[random.uniform(4)];
  const std::string finish = random.uniform(8) != 0 ? "null" : R"("stop")";
  std::string data = R"({"id":"1","choices":[{"index":0,"delta":{"content":")" +
                     tokens[random.uniform(std::size(tokens))] + R"("},"finish_reason":)" + finish +
                     "}]" + usage + "}";
  if (random.uniform(4) == 0) {
    const size_t at = random.uniform(data.size());
    data.replace(at, random.uniform(2), pieces[random.uniform(std::size(pieces))]);
  }
  return data;
}

TEST(EventPattern, MakesNoDifferenceToAStream) {
  Random random(20261124);
  int shown = 0;
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    Plain plain;
    OpenAiStream stream(Operation::chat_completions, false);
    for (int i = 0; i < 20; ++i) {
      const std::string data = some_event(random);
      const std::string expected = plain.take(data);
      ASSERT_EQ(verdict(stream.take({data, data})), expected) << data;
      ASSERT_EQ(stream.content_seen(), plain.content_events != 0) << data;
      const std::int64_t out = plain.usage ? plain.usage->out : 0;
      ASSERT_EQ(stream.usage().out, out != 0 ? out : plain.content_events - plain.ends) << data;
      (expected == "shown" ? shown : refused) += 1;
    }
  }
  EXPECT_GT(shown, 10'000);
  EXPECT_GT(refused, 5'000);
}

}  // namespace
}  // namespace rocket
