#include "testing/fake_ollama.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "testing/fake_generation.h"

namespace rocket {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // as servers write it

constexpr std::string_view chat_path = "/api/chat";
constexpr std::string_view generate_path = "/api/generate";
constexpr std::string_view embed_path = "/api/embed";

OrderedJson frame_of(const std::string& model) {
  return {{"model", model}, {"created_at", "2026-01-01T00:00:00.000000001Z"}};
}

// A line of an answer, or all of it, up to its end.
OrderedJson saying(const std::string& model, bool chat, std::string text) {
  OrderedJson line = frame_of(model);
  if (chat) {
    line["message"] = {{"role", "assistant"}, {"content", std::move(text)}};
  } else {
    line["response"] = std::move(text);
  }
  line["done"] = false;
  return line;
}

void finish(OrderedJson& line, const char* reason, std::uint64_t prompt, std::uint64_t tokens) {
  line["done"] = true;
  line["done_reason"] = reason;
  line["total_duration"] = 5'000'000;
  line["load_duration"] = 1'000'000;
  line["prompt_eval_count"] = prompt;
  line["prompt_eval_duration"] = 1'000'000;
  line["eval_count"] = tokens;
  line["eval_duration"] = 3'000'000;
}

// Tokens, or fewer if the request says so.
std::uint64_t tokens_for(const FakeScript& script, const Json& body) {
  const Json options = body.value("options", Json());
  const Json most = options.is_object() ? options.value("num_predict", Json()) : Json();
  if (!most.is_number_unsigned()) return script.tokens;
  return std::min(script.tokens, most.get<std::uint64_t>());
}

FakeAnswer embed(const Json& body, const std::string& model) {
  const Json input = body.value("input", Json());
  if (!input.is_string() && !input.is_array()) {
    FakeAnswer error = FakeAnswer::json(R"({"error":"invalid input type"})");
    error.status = 400;
    return error;
  }
  OrderedJson answer{{"model", model}, {"embeddings", OrderedJson::array()}};
  for (const Json& one : input.is_array() ? input : Json::array({input}))
    answer["embeddings"].push_back(fake_vector(one));
  answer["total_duration"] = 5'000'000;
  answer["load_duration"] = 1'000'000;
  answer["prompt_eval_count"] = count_words(input);
  return FakeAnswer::json(answer.dump());
}

}  // namespace

bool is_native_inference(std::string_view path) {
  return path == chat_path || path == generate_path || path == embed_path;
}

FakeAnswer fake_native(const FakeScript& script, const FakeRequest& request, const Json& body,
                       const std::string& model) {
  if (request.path == embed_path) return embed(body, model);
  const bool chat = request.path == chat_path;
  const Json prompt = body.value(chat ? "messages" : "prompt", Json());
  const bool stream = body.value("stream", Json(true)) == true;
  FakeAnswer answer;
  OrderedJson last = saying(model, chat, "");
  if (prompt.empty() || prompt == "") {
    // Only to be loaded.
    last["done"] = true;
    last["done_reason"] = "load";
    return FakeAnswer::json(last.dump());
  }
  const std::uint64_t tokens = tokens_for(script, body);
  const char* reason = tokens < script.tokens ? "length" : "stop";
  std::string text;
  for (std::uint64_t i = 0; i < tokens; ++i) {
    text += fake_token(script, i);
    answer.pieces.push_back(saying(model, chat, fake_token(script, i)).dump() + "\n");
  }
  if (!stream) {
    OrderedJson whole = saying(model, chat, text);
    finish(whole, reason, count_words(prompt), tokens);
    return FakeAnswer::json(whole.dump());
  }
  finish(last, reason, count_words(prompt), tokens);
  answer.pieces.push_back(last.dump() + "\n");
  answer.stream = true;
  answer.content_type = "application/x-ndjson";
  return answer;
}

void write_native_error(FakeAnswer& answer) {
  const Json told = Json::parse(answer.pieces.front(), nullptr, false);
  const Json error = told.is_object() ? told.value("error", Json()) : Json();
  const Json message = error.is_object() ? error.value("message", Json()) : Json();
  if (message.is_string()) answer.pieces = {OrderedJson{{"error", message}}.dump()};
}

}  // namespace rocket
