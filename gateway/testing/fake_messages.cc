#include "testing/fake_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "testing/fake_messages_request.h"

namespace rocket {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // as servers write it
using Pieces = std::vector<std::string>;

// A block of a message: whole, and as a stream begins it and goes on.
struct Block {
  OrderedJson whole;
  OrderedJson start;
  std::uint64_t pings = 0;  // before it goes on
  std::vector<OrderedJson> deltas;
};

struct Message {
  std::string id;
  std::string model;
  std::vector<Block> blocks;
  const char* stop_reason;
  // Of the whole message. What its start has said, `output_tokens` aside, its end says again.
  OrderedJson usage;

  [[nodiscard]] OrderedJson to_json() const {
    OrderedJson json{{"model", model}, {"id", id}, {"type", "message"}, {"role", "assistant"}};
    json["content"] = OrderedJson::array();
    for (const Block& block : blocks)
      json["content"].push_back(block.whole);
    json["stop_reason"] = stop_reason;
    json["stop_sequence"] = nullptr;
    json["usage"] = usage;
    return json;
  }
};

// With a cache, a third each is read from it and written to it, so that an answer shows all three.
OrderedJson usage_of(const MessagesRequest& asked, std::uint64_t output, std::uint64_t thoughts) {
  const std::uint64_t read = asked.cached ? asked.prompt_tokens / 3 : 0;
  const std::uint64_t written = asked.cached ? (asked.prompt_tokens + 1) / 3 : 0;
  OrderedJson usage{
      {"input_tokens", asked.prompt_tokens - read - written},
      {"cache_creation_input_tokens", written},
      {"cache_read_input_tokens", read},
      {"cache_creation",
       {{"ephemeral_5m_input_tokens", written}, {"ephemeral_1h_input_tokens", 0}}},
      {"output_tokens", output + thoughts},
      {"service_tier", "standard"},
  };
  if (thoughts != 0) usage["output_tokens_details"] = {{"thinking_tokens", thoughts}};
  return usage;
}

Pieces tokens_of(const FakeScript& script, std::uint64_t count) {
  Pieces pieces;
  for (std::uint64_t i = 0; i < count; ++i)
    pieces.push_back(fake_token(script, i));
  return pieces;
}

std::string joined(const Pieces& pieces) {
  std::string all;
  for (const std::string& piece : pieces)
    all += piece;
  return all;
}

Block text_block(const Pieces& pieces) {
  Block block;
  block.whole = {{"type", "text"}, {"text", joined(pieces)}};
  block.start = {{"type", "text"}, {"text", ""}};
  for (const std::string& piece : pieces)
    block.deltas.push_back({{"type", "text_delta"}, {"text", piece}});
  return block;
}

// What all of the text is from: in a stream some of it is told before the text, some behind.
void add_citations(Block& block) {
  const OrderedJson page{{"type", "web_search_result_location"},
                         {"cited_text", "A word of it."},
                         {"url", "https://example.com/page"},
                         {"title", "A \"page\""},
                         {"encrypted_index", "ZmFrZSBpbmRleA=="}};
  const OrderedJson place{{"type", "char_location"}, {"cited_text", "Words."},
                          {"document_index", 0},     {"document_title", nullptr},
                          {"start_char_index", 0},   {"end_char_index", 6}};
  block.whole["citations"] = {page, place};
  block.start["citations"] = OrderedJson::array();
  OrderedJson before{{"type", "citations_delta"}};
  OrderedJson behind = before;
  before["citation"] = page;
  behind["citation"] = place;
  block.deltas.insert(block.deltas.begin(), before);
  block.deltas.push_back(behind);
}

// Who asks not to be shown what was thought still gets its signature.
Block thinking_block(const Pieces& pieces) {
  constexpr const char* signature = "ZmFrZSBzaWduYXR1cmU=";
  Block block;
  block.whole = {{"type", "thinking"}, {"thinking", joined(pieces)}, {"signature", signature}};
  block.start = {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}};
  for (const std::string& piece : pieces)
    block.deltas.push_back({{"type", "thinking_delta"}, {"thinking", piece}});
  block.deltas.push_back({{"type", "signature_delta"}, {"signature", signature}});
  return block;
}

// What nobody but the provider may read, and has to be shown again.
Block redacted_block() {
  Block block;
  block.whole = {{"type", "redacted_thinking"}, {"data", "ZmFrZSBzZWFs"}};
  block.start = block.whole;
  return block;
}

// A call with the words as its only argument. Unlike the real one's it is whole even where
// max_tokens cut it: what a stream of the fake says can always be read.
Block tool_block(std::string id, std::string name, const Pieces& words) {
  Block block;
  block.start = {{"type", "tool_use"}, {"id", std::move(id)}, {"name", std::move(name)}};
  block.whole = block.start;
  block.start["input"] = OrderedJson::object();
  block.whole["input"]["text"] = joined(words);
  Pieces pieces{"", R"({"text": ")"};
  for (const std::string& word : words) {
    const std::string quoted = Json(word).dump();
    pieces.push_back(quoted.substr(1, quoted.size() - 2));
  }
  pieces.emplace_back("\"}");
  for (const std::string& piece : pieces)
    block.deltas.push_back({{"type", "input_json_delta"}, {"partial_json", piece}});
  return block;
}

Message message_of(const FakeScript& script, const MessagesRequest& asked, std::uint64_t number) {
  Message message{
      .id = fmt::format("msg_01{:022}", number),
      .model = asked.model,
      .blocks = {},
      .stop_reason = "end_turn",
      .usage = usage_of(asked, 0, 0),
  };
  if (script.refuse) {
    message.stop_reason = "refusal";
    message.usage["output_tokens"] = 1;  // never nothing
    return message;
  }
  const std::uint64_t tokens = std::min(script.tokens, asked.max_tokens);
  const bool unseen = script.thinks_unseen != 0;
  const std::uint64_t thoughts = asked.thinks || unseen ? 2 : 0;  // whatever the limit
  if (thoughts != 0) {
    const FakeScript thinking{.word = "thought"};
    const bool hidden = asked.hides_thoughts || unseen;
    message.blocks.push_back(thinking_block(tokens_of(thinking, hidden ? 0 : thoughts)));
    message.blocks.back().pings = script.thinks_unseen;
    if (script.redact) message.blocks.push_back(redacted_block());
  }
  const Pieces words = tokens_of(script, tokens);
  if (!asked.forced_tool.empty()) {
    message.stop_reason = "tool_use";
    message.blocks.push_back(
        tool_block(fmt::format("toolu_01{:022}", number), asked.forced_tool, words));
  } else if (!words.empty()) {
    message.blocks.push_back(text_block(words));
    if (script.cites) add_citations(message.blocks.back());
  }
  if (tokens < script.tokens) message.stop_reason = "max_tokens";
  message.usage = usage_of(asked, tokens, thoughts);
  return message;
}

std::string event(const OrderedJson& json) {
  return fmt::format("event: {}\ndata: {}\n\n", json["type"].get<std::string>(), json.dump());
}

void add_block_events(const Block& block, std::size_t index, Pieces& events) {
  OrderedJson start{{"type", "content_block_start"}, {"index", index}};
  start["content_block"] = block.start;
  events.push_back(event(start));
  for (std::uint64_t i = 0; i < block.pings; ++i)
    events.push_back(event({{"type", "ping"}}));
  for (const OrderedJson& delta : block.deltas) {
    OrderedJson json{{"type", "content_block_delta"}, {"index", index}};
    json["delta"] = delta;
    events.push_back(event(json));
  }
  events.push_back(event({{"type", "content_block_stop"}, {"index", index}}));
}

FakeAnswer stream_of(const Message& message) {
  FakeAnswer answer;
  answer.stream = true;
  answer.content_type = "text/event-stream; charset=utf-8";
  OrderedJson start{{"type", "message_start"}, {"message", message.to_json()}};
  start["message"]["content"] = OrderedJson::array();
  start["message"]["stop_reason"] = nullptr;
  start["message"]["usage"]["output_tokens"] = 1;
  start["message"]["usage"].erase("output_tokens_details");
  answer.pieces.push_back(event(start));
  answer.pieces.push_back(event({{"type", "ping"}}));
  for (std::size_t i = 0; i < message.blocks.size(); ++i)
    add_block_events(message.blocks[i], i, answer.pieces);
  OrderedJson end{{"type", "message_delta"}};
  end["delta"] = {{"stop_reason", message.stop_reason}, {"stop_sequence", nullptr}};
  end["usage"] = message.usage;
  end["usage"].erase("cache_creation");
  end["usage"].erase("service_tier");
  answer.pieces.push_back(event(end));
  answer.pieces.push_back(event({{"type", "message_stop"}}));
  return answer;
}

std::string request_id(std::uint64_t number) {
  return fmt::format("req_01{:022}", number);
}

const char* error_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 402: return "billing_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 504: return "timeout_error";
    case 529: return "overloaded_error";
    default: return status < 500 ? "invalid_request_error" : "api_error";
  }
}

bool knows(const FakeScript& script, const std::string& model) {
  return std::ranges::count(script.models, model) != 0;
}

FakeAnswer no_model(const std::string& model, std::uint64_t number) {
  return messages_error(404, "model: " + model, number);
}

}  // namespace

FakeAnswer fake_message(const FakeScript& script, const FakeRequest& request, const Json& body) {
  const Result<MessagesRequest> asked = read_messages_request(body, false);
  if (!asked) return messages_error(400, asked.error().detail, request.number);
  if (!knows(script, asked->model)) return no_model(asked->model, request.number);
  const Message message = message_of(script, *asked, request.number);
  return asked->stream ? stream_of(message) : FakeAnswer::json(message.to_json().dump());
}

FakeAnswer fake_token_count(const FakeScript& script, const FakeRequest& request) {
  const Json body = Json::parse(request.body, nullptr, false);
  const Result<MessagesRequest> asked = read_messages_request(body, true);
  if (!asked) return messages_error(400, asked.error().detail, request.number);
  if (!knows(script, asked->model)) return no_model(asked->model, request.number);
  return FakeAnswer::json(OrderedJson{{"input_tokens", asked->prompt_tokens}}.dump());
}

std::optional<FakeAnswer> fake_key_refusal(const FakeScript& script, const FakeRequest& request) {
  if (script.api_key.empty()) return std::nullopt;
  const auto key = request.headers.find("x-api-key");
  const auto bearer = request.headers.find("authorization");
  if (!key && !bearer) {
    return messages_error(401, "x-api-key header is required", request.number);
  }
  if (key ? *key != script.api_key : *bearer != "Bearer " + script.api_key) {
    return messages_error(401, "invalid x-api-key", request.number);
  }
  if (request.headers.find("anthropic-version")) return std::nullopt;
  return messages_error(400, "anthropic-version: header is required", request.number);
}

FakeAnswer messages_error(int status, std::string_view message, std::uint64_t number) {
  OrderedJson json{{"type", "error"}};
  json["error"] = {{"type", error_type(status)}, {"message", message}};
  json["request_id"] = request_id(number);
  FakeAnswer answer = FakeAnswer::json(json.dump());
  answer.status = status;
  return answer;
}

void add_messages_headers(const FakeScript& script, FakeAnswer& answer,
                          const FakeRequest& request) {
  answer.headers.emplace_back("request-id", request_id(request.number));
  if (request.path != messages_path) return;
  const std::uint64_t left = answer.status == 429 ? 0 : script.requests_left;
  constexpr std::uint64_t tokens_each = 1000;
  const std::pair<const char*, std::uint64_t> limits[] = {{"requests", 1},
                                                          {"tokens", tokens_each},
                                                          {"input-tokens", tokens_each},
                                                          {"output-tokens", tokens_each}};
  for (const auto& [what, each] : limits) {
    const std::string name = fmt::format("anthropic-ratelimit-{}-", what);
    answer.headers.emplace_back(name + "limit", std::to_string(50 * each));
    answer.headers.emplace_back(name + "remaining", std::to_string(left * each));
    answer.headers.emplace_back(name + "reset", "2026-01-01T00:01:00Z");
  }
}

}  // namespace rocket
