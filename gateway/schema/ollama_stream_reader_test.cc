#include "schema/ollama_stream_reader.h"

#include <gtest/gtest.h>

#include "testing/told_stream.h"

namespace rocket {
namespace {

TEST(OllamaStreamReader, ReadsWhatServersSay) {
  using Events = std::vector<std::string_view>;
  const struct {
    const char* name;
    Events events;
    std::string_view told;
  } cases[] = {
      {"a chat",
       {R"({"model":"m","created_at":"1","message":{"role":"assistant","content":"Hel"},"done":false})",
        R"({"model":"m","created_at":"2","message":{"role":"assistant","content":"lo"},"done":false})",
        R"({"model":"m","created_at":"3","message":{"role":"assistant","content":""},"done":true,)"
        R"("done_reason":"stop","total_duration":9,"prompt_eval_count":3,"eval_count":2})"},
       "start m\ntext: Hello\nusage 3 2\nstop end_turn\n"},
      {"thinking",
       {R"({"model":"m","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false})",
        R"({"model":"m","message":{"role":"assistant","content":"4"},"done":false})",
        R"({"model":"m","message":{"content":""},"done":true,"done_reason":"length"})"},
       "start m\nthinking: Hm\ntext: 4\nstop max_tokens\n"},
      {"calls",
       {R"({"model":"m","message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":"\""}}},)"
        R"({"id":"x","function":{"name":"g","arguments":{}}}]},"done":false})",
        R"({"model":"m","message":{"content":""},"done":true,"done_reason":"stop"})"},
       "start m\ncall f: {\"a\":\"\\\"\"}\ncall x g: {}\nstop tool_use\n"},
      {"generate",
       {R"({"model":"m","response":"On","done":false})",
        R"({"model":"m","response":"ce","done":false})",
        R"({"model":"m","response":"","done":true,"context":[1],"eval_count":2})"},
       "start m\ntext: Once\nusage 0 2\nstop end_turn\n"},
      {"a model that was only loaded",
       {R"({"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"})"},
       "start m\nstop end_turn\n"},
      {"an error in the middle",
       {R"({"model":"m","message":{"content":"a"},"done":false})", R"({"error":"gone"})"},
       "start m\ntext: afailed upstream_error_event\n"},
      {"no JSON", {"model"}, "failed upstream_garbage\n"},
      {"a reason that nobody knows",
       {R"({"model":"m","done":true,"done_reason":"bored"})"},
       "start m\nfailed upstream_garbage\n"},
  };
  for (const auto& one : cases) {
    OllamaStreamReader reader;
    EXPECT_EQ(told_by(reader, one.events), one.told) << one.name;
  }
}

}  // namespace
}  // namespace rocket
