#include "schema/anthropic_stream_reader.h"

#include <gtest/gtest.h>

#include "testing/told_stream.h"

namespace rocket {
namespace {

constexpr std::string_view start =
    R"({"type":"message_start","message":{"id":"msg_1","type":"message","model":"m","content":[],)"
    R"("usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":1}}})";
constexpr std::string_view text_block =
    R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})";
constexpr std::string_view block_stop = R"({"type":"content_block_stop","index":0})";
constexpr std::string_view end =
    R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},)"
    R"("usage":{"output_tokens":4}})";
constexpr std::string_view stop = R"({"type":"message_stop"})";

TEST(AnthropicStreamReader, ReadsWhatServersSay) {
  using Events = std::vector<std::string_view>;
  const struct {
    const char* name;
    Events events;
    std::string_view told;
  } cases[] = {
      {"a text with pings",
       {start, R"({"type":"ping"})", text_block,
        R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}})",
        R"({"type":"ping"})", block_stop, end, stop},
       "start m\ntext: Hello\nusage 7 4\nstop end_turn\n"},
      {"signed and sealed thinking",
       {start,
        R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}})",
        block_stop,
        R"({"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"xyz"}})",
        R"({"type":"content_block_stop","index":1})", end, stop},
       "start m\nthinking: Hm signed sig\nsealed: xyz\nusage 7 4\nstop end_turn\n"},
      {"a tool's input in pieces, and all at once",
       {start,
        R"({"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}})",
        block_stop,
        R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t2","name":"g","input":{"b":2}}})",
        R"({"type":"content_block_stop","index":1})",
        R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":4}})",
        stop},
       "start m\ncall t1 f: {\"a\":1}\ncall t2 g: {\"b\":2}\nusage 7 4\nstop tool_use\n"},
      {"a tool of the provider's own",
       {start,
        R"({"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}})",
        block_stop, end, stop},
       "start m\nusage 7 4\nstop end_turn\n"},
      {"what a text is from, wherever it is said",
       {start,
        R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":[{"type":"web_search_result_location","url":"https://a","title":"A"}]}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"char_location","document_title":"D"}}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"y"}})",
        block_stop, end, stop},
       "start m\ntext:  cites https://a \"A\"x cites  \"D\"y\nusage 7 4\nstop end_turn\n"},
      {"citations and what is newer",
       {start, text_block,
        R"({"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{}}})",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"hologram_delta","x":"y"}})",
        R"({"type":"hologram"})", block_stop, end, stop},
       "start m\ntext: \nusage 7 4\nstop end_turn\n"},
      {"a sequence that llama-server calls an end",
       {start, R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":"X"}})",
        stop},
       "start m\nusage 7 1\nstop stop_sequence X\n"},
      {"overloaded in the middle",
       {start, text_block,
        R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"},
       "start m\ntext: failed upstream_overloaded\n"},
      {"a delta of nothing",
       {start,
        R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}})"},
       "start m\nfailed upstream_garbage\n"},
      {"a block inside of a block",
       {start, text_block, text_block},
       "start m\ntext: failed upstream_garbage\n"},
      {"a delta of another kind",
       {start, text_block,
        R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"x"}})"},
       "start m\ntext: failed upstream_garbage\n"},
      {"an end inside of a block",
       {start, text_block, end, stop},
       "start m\ntext: failed upstream_garbage\n"},
      {"an end before the start", {end, stop}, "failed upstream_garbage\n"},
      {"an end without a reason", {start, stop}, "start m\nfailed upstream_garbage\n"},
  };
  for (const auto& one : cases) {
    AnthropicStreamReader reader;
    EXPECT_EQ(told_by(reader, one.events), one.told) << one.name;
  }
}

}  // namespace
}  // namespace rocket
