#include "testing/fake_generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace rocket {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // as servers write it

constexpr std::int64_t created = 1'767'225'600;

// What a request for tokens comes down to.
struct Generation {
  const FakeScript& script;
  bool chat;
  std::string id;
  std::string model;
  std::uint64_t prompt_tokens;
  std::uint64_t tokens;
  std::uint64_t choices;
  bool stream;
  bool include_usage;

  [[nodiscard]] const char* finish_reason() const {
    return tokens < script.tokens ? "length" : "stop";
  }
  [[nodiscard]] OrderedJson usage() const {
    OrderedJson json{{"prompt_tokens", prompt_tokens},
                     {"completion_tokens", tokens * choices},
                     {"total_tokens", prompt_tokens + tokens * choices}};
    if (script.kind == FakeKind::llama_cpp) {
      json["prompt_tokens_details"] = {{"cached_tokens", 0}};
    }
    return json;
  }
  // llama.cpp tells a text completion's usage with its end, asked or not, and only there.
  [[nodiscard]] bool usage_with_end() const { return script.kind == FakeKind::llama_cpp && !chat; }
  // What the object of an answer and each chunk of a stream begin with.
  [[nodiscard]] OrderedJson begin(const char* object) const {
    OrderedJson json{{"id", id}, {"object", object}, {"created", created}, {"model", model}};
    if (script.kind != FakeKind::vllm) json["system_fingerprint"] = "fp_fake";
    return json;
  }
};

std::string event(const OrderedJson& json) {
  return "data: " + json.dump() + "\n\n";
}

std::string answer_id(const FakeScript& script, bool chat, std::uint64_t number) {
  const char* prefix = chat ? "chatcmpl" : "cmpl";
  switch (script.kind) {
    case FakeKind::llama_cpp: return fmt::format("chatcmpl-{:032x}", number);
    case FakeKind::ollama: return fmt::format("{}-{}", prefix, number % 1000);
    case FakeKind::vllm: return fmt::format("{}-{:016x}", prefix, number);
    case FakeKind::lmstudio: return fmt::format("{}-{:022d}", prefix, number);
    case FakeKind::anthropic: break;  // says it in another dialect: fake_messages
  }
  return {};
}

struct Delta {
  std::uint64_t choice;
  OrderedJson json;
  const char* finish = nullptr;
};

OrderedJson chat_delta(const Generation& generation, Delta delta) {
  OrderedJson chunk = generation.begin("chat.completion.chunk");
  chunk["choices"] = {
      {{"index", delta.choice}, {"delta", std::move(delta.json)}, {"finish_reason", nullptr}}};
  if (delta.finish != nullptr) chunk["choices"][0]["finish_reason"] = delta.finish;
  return chunk;
}

void add_timings(const Generation& generation, OrderedJson& json) {
  if (generation.script.kind != FakeKind::llama_cpp) return;
  json["timings"] = {{"predicted_n", generation.tokens}};
}

void add_chat_events(const Generation& generation, std::uint64_t choice,
                     std::vector<std::string>& events) {
  const FakeKind kind = generation.script.kind;
  const bool role_everywhere = kind == FakeKind::ollama || kind == FakeKind::lmstudio;
  if (!role_everywhere) {
    OrderedJson first{{"role", "assistant"}, {"content", nullptr}};
    if (kind == FakeKind::vllm) first["content"] = "";
    events.push_back(event(chat_delta(generation, {choice, first})));
  }
  for (std::uint64_t i = 0; i < generation.tokens; ++i) {
    OrderedJson delta = OrderedJson::object();
    if (role_everywhere) delta["role"] = "assistant";
    delta["content"] = fake_token(generation.script, i);
    events.push_back(event(chat_delta(generation, {choice, std::move(delta)})));
  }
  OrderedJson last = OrderedJson::object();
  // A stream has its role somewhere.
  const bool first = role_everywhere && generation.tokens == 0;
  if (kind == FakeKind::ollama || first) last = {{"role", "assistant"}, {"content", ""}};
  OrderedJson end = chat_delta(generation, {choice, last, generation.finish_reason()});
  if (!generation.include_usage) add_timings(generation, end);
  events.push_back(event(end));
}

OrderedJson text_choice(FakeKind kind, std::uint64_t index, std::string text, const char* finish) {
  OrderedJson choice{{"index", index}, {"text", std::move(text)}};
  if (kind != FakeKind::ollama) choice["logprobs"] = nullptr;
  choice["finish_reason"] = nullptr;
  if (finish != nullptr) choice["finish_reason"] = finish;
  return choice;
}

void add_text_events(const Generation& generation, std::uint64_t choice,
                     std::vector<std::string>& events) {
  const FakeKind kind = generation.script.kind;
  for (std::uint64_t i = 0; i <= generation.tokens; ++i) {
    OrderedJson chunk = generation.begin("text_completion");
    const bool last = i == generation.tokens;
    chunk["choices"] = OrderedJson::array(
        {text_choice(kind, choice, last ? std::string() : fake_token(generation.script, i),
                     last ? generation.finish_reason() : nullptr)});
    if (last && generation.usage_with_end()) {
      chunk["usage"] = generation.usage();
      add_timings(generation, chunk);
    }
    // Who asks Ollama gets it with every event, without a count until the end.
    if (kind == FakeKind::ollama && generation.include_usage) {
      chunk["usage"] = {{"prompt_tokens", 0}, {"completion_tokens", 0}, {"total_tokens", 0}};
    }
    events.push_back(event(chunk));
  }
}

FakeAnswer stream_answer(const Generation& generation) {
  FakeAnswer answer;
  answer.stream = true;
  const bool vllm = generation.script.kind == FakeKind::vllm;
  answer.content_type = vllm ? "text/event-stream; charset=utf-8" : "text/event-stream";
  for (std::uint64_t choice = 0; choice < generation.choices; ++choice) {
    if (generation.chat) {
      add_chat_events(generation, choice, answer.pieces);
    } else {
      add_text_events(generation, choice, answer.pieces);
    }
  }
  if (generation.include_usage && !generation.usage_with_end()) {
    OrderedJson chunk =
        generation.begin(generation.chat ? "chat.completion.chunk" : "text_completion");
    chunk["choices"] = OrderedJson::array();
    chunk["usage"] = generation.usage();
    add_timings(generation, chunk);
    answer.pieces.push_back(event(chunk));
  }
  answer.pieces.emplace_back("data: [DONE]\n\n");
  return answer;
}

FakeAnswer whole_answer(const Generation& generation, std::uint64_t prompts) {
  std::string text;
  for (std::uint64_t i = 0; i < generation.tokens; ++i)
    text += fake_token(generation.script, i);
  OrderedJson json = generation.begin(generation.chat ? "chat.completion" : "text_completion");
  json["choices"] = OrderedJson::array();
  for (std::uint64_t i = 0; i < prompts * generation.choices; ++i) {
    if (generation.chat) {
      json["choices"].push_back({{"index", i},
                                 {"message", {{"role", "assistant"}, {"content", text}}},
                                 {"finish_reason", generation.finish_reason()}});
    } else {
      json["choices"].push_back(
          text_choice(generation.script.kind, i, text, generation.finish_reason()));
    }
  }
  json["usage"] = generation.usage();
  add_timings(generation, json);
  return FakeAnswer::json(json.dump());
}

}  // namespace

std::uint64_t count_words(const nlohmann::json& prompt) {
  if (prompt.is_string()) {
    std::uint64_t words = 0;
    bool inside = false;
    for (const char c : prompt.get_ref<const std::string&>()) {
      if (c != ' ' && !inside) ++words;
      inside = c != ' ';
    }
    return words;
  }
  std::uint64_t words = 0;
  if (prompt.is_structured()) {
    for (const Json& part : prompt)
      words += count_words(part);
  }
  return words;
}

nlohmann::ordered_json fake_vector(const Json& input) {
  std::uint64_t hash = std::hash<std::string>()(input.dump());
  OrderedJson vector = OrderedJson::array();
  for (int i = 0; i < 8; ++i) {
    vector.push_back(static_cast<double>(hash & 0xffU) / 256 - 0.5);
    hash >>= 8U;
  }
  return vector;
}

FakeAnswer fake_generation(const FakeScript& script, const FakeRequest& request,
                           const nlohmann::json& body, const std::string& model) {
  const bool chat = request.path == "/v1/chat/completions";
  const char* input = chat ? "messages" : "prompt";
  const Json prompt = body.value(input, Json());
  if (script.kind == FakeKind::ollama && chat && prompt.empty()) {
    return fake_error(script.kind, 400, "[] is too short - 'messages'");
  }
  if (!body.contains(input)) {
    return fake_error(script.kind, 400, fmt::format("'{}' is required", input));
  }
  const Json format = body.value("response_format", Json::object());
  if (script.kind == FakeKind::lmstudio && format.is_object() &&
      format.value("type", Json("text")) == "json_object") {
    return fake_error(script.kind, 400, "'response_format.type' must be 'json_schema' or 'text'");
  }
  if (script.kind == FakeKind::lmstudio && body.value("tool_choice", Json()).is_object()) {
    return fake_error(script.kind, 400,
                      "Invalid tool_choice type: 'object'. Supported string values: none, auto, "
                      "required");
  }
  std::uint64_t tokens = script.tokens;
  const bool newer_limit = script.kind != FakeKind::ollama && script.kind != FakeKind::lmstudio;
  for (const char* limit : {"max_tokens", "max_completion_tokens"}) {
    const auto found =
        newer_limit || limit == std::string_view("max_tokens") ? body.find(limit) : body.end();
    if (found == body.end() || !found->is_number_unsigned()) continue;
    tokens = std::min(tokens, found->get<std::uint64_t>());
  }
  const Json limit = body.value("max_tokens", Json());
  if (script.kind == FakeKind::vllm && script.context != 0 && limit.is_number_unsigned() &&
      limit.get<std::uint64_t>() + count_words(prompt) > script.context) {
    return fake_error(script.kind, 400,
                      fmt::format("'max_tokens' or 'max_completion_tokens' is too large: {}. This "
                                  "model's maximum context length is {} tokens",
                                  limit.get<std::uint64_t>(), script.context));
  }
  const Json options = body.value("stream_options", Json::object());
  // The others know no `n`.
  const Json choices = script.kind == FakeKind::vllm ? body.value("n", Json(1)) : Json(1);
  const Generation generation{
      .script = script,
      .chat = chat,
      .id = answer_id(script, chat, request.number),
      .model = model,
      .prompt_tokens = count_words(prompt),
      .tokens = tokens,
      .choices = choices.is_number_unsigned() ? choices.get<std::uint64_t>() : 1,
      .stream = body.value("stream", Json(false)) == true,
      .include_usage = options.is_object() && options.value("include_usage", Json(false)) == true,
  };
  if (generation.stream) return stream_answer(generation);
  const bool several = !chat && prompt.is_array() && !prompt.empty() && prompt[0].is_string();
  return whole_answer(generation, several ? prompt.size() : 1);
}

}  // namespace rocket
