#include "testing/fake_dialect.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "testing/fake_generation.h"
#include "testing/fake_inventory.h"
#include "testing/fake_messages.h"
#include "testing/fake_ollama.h"

namespace rocket {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // as servers write it

bool knows(const FakeScript& script, const std::string& model) {
  const auto is = [&](const std::string& name) { return std::ranges::count(script.models, name); };
  return is(model) || (script.kind == FakeKind::ollama && is(model + ":latest"));
}

// The model that will answer, or an error.
Result<std::string> choose_model(const FakeScript& script, const Json& body) {
  const std::string asked = body.contains("model") && body["model"].is_string()
                                ? body["model"].get<std::string>()
                                : std::string();
  // llama.cpp answers to any name, with its own.
  if (script.kind == FakeKind::llama_cpp) return script.models.front();
  if (asked.empty() && script.kind == FakeKind::lmstudio) return script.models.front();
  if (knows(script, asked)) return asked;
  return fail(ErrorCode::model_not_found, "model '" + asked + "' not found");
}

FakeAnswer embed(const FakeScript& script, const Json& body, const std::string& model) {
  if (!body.contains("input")) return fake_error(script.kind, 400, "'input' is required");
  const Json& input = body["input"];
  const bool several = input.is_array() && !input.empty() && !input[0].is_number();
  OrderedJson vectors = OrderedJson::array();
  const std::size_t count = several ? input.size() : 1;
  for (std::size_t i = 0; i < count; ++i) {
    vectors.push_back({{"object", "embedding"},
                       {"index", i},
                       {"embedding", fake_vector(several ? input[i] : input)}});
  }
  const std::uint64_t words = count_words(input);
  const OrderedJson json{{"object", "list"},
                         {"data", vectors},
                         {"model", model},
                         {"usage", {{"prompt_tokens", words}, {"total_tokens", words}}}};
  return FakeAnswer::json(json.dump());
}

FakeAnswer infer(const FakeScript& script, const FakeRequest& request) {
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) {
    return fake_error(script.kind, 400, "the body is not a JSON object", request.number);
  }
  if (script.status != 200) {
    FakeAnswer answer = fake_error(script.kind, script.status, "scripted failure", request.number);
    if (!script.retry_after.empty()) answer.headers.emplace_back("Retry-After", script.retry_after);
    return answer;
  }
  if (script.kind == FakeKind::anthropic) return fake_message(script, request, body);
  Result<std::string> model = choose_model(script, body);
  if (!model) return fake_error(script.kind, 404, model.error().detail);
  if (is_native_inference(request.path)) return fake_native(script, request, body, *model);
  if (request.path == "/v1/embeddings") return embed(script, body, *model);
  return fake_generation(script, request, body, *model);
}

const char* error_type(FakeKind kind, int status) {
  switch (kind) {
    case FakeKind::llama_cpp:
      if (status == 404) return "not_found_error";
      if (status == 503) return "unavailable_error";
      return status < 500 ? "invalid_request_error" : "server_error";
    case FakeKind::ollama: return status == 400 ? "invalid_request_error" : "api_error";
    case FakeKind::vllm:
      if (status == 404) return "NotFoundError";
      return status < 500 ? "BadRequestError" : "InternalServerError";
    case FakeKind::lmstudio: return status < 500 ? "invalid_request_error" : "server_error";
    case FakeKind::anthropic: break;  // writes errors of its own
  }
  return "";
}

// Whether that kind of server has the path, which is one for tokens or vectors.
bool serves(FakeKind kind, const std::string& path) {
  if (is_native_inference(path)) return kind == FakeKind::ollama;
  return (path == messages_path) == (kind == FakeKind::anthropic);
}

FakeAnswer answer_of(const FakeScript& script, const FakeRequest& request) {
  if (script.kind == FakeKind::anthropic) {
    std::optional<FakeAnswer> refused = fake_key_refusal(script, request);
    if (refused) return std::move(*refused);
  }
  if (!script.healthy) return fake_error(script.kind, 503, "Loading model", request.number);
  if (asks_for_inference(request) && serves(script.kind, request.path)) {
    return infer(script, request);
  }
  return fake_inventory(script, request);
}

// What the server's HTTP library makes of a JSON document.
void write_as_server(FakeAnswer& answer, FakeKind kind, const std::string& path) {
  constexpr const char* plain = "application/json";
  constexpr const char* with_charset = "application/json; charset=utf-8";
  if (answer.content_type != plain) return;
  if (kind == FakeKind::llama_cpp) answer.content_type = with_charset;
  if (kind != FakeKind::ollama) return;
  if (answer.status != 200 && is_native_inference(path)) write_native_error(answer);
  // Its own interface, which also refuses what is malformed; that of OpenAI is a layer above.
  if (path.starts_with("/api/") || answer.status == 400) {
    answer.content_type = with_charset;
  } else {
    answer.pieces.back() += '\n';
  }
}

}  // namespace

FakeAnswer FakeAnswer::json(std::string body) {
  FakeAnswer answer;
  answer.pieces.push_back(std::move(body));
  return answer;
}

bool asks_for_inference(const FakeRequest& request) {
  return request.method == "POST" &&
         (request.path == "/v1/chat/completions" || request.path == "/v1/completions" ||
          request.path == "/v1/embeddings" || request.path == messages_path ||
          is_native_inference(request.path));
}

FakeAnswer fake_answer(const FakeScript& script, const FakeRequest& request) {
  FakeAnswer answer = answer_of(script, request);
  if (script.draining && !asks_for_inference(request)) {
    answer = FakeAnswer::json(R"({"status":"draining"})");
    answer.status = 503;
  }
  write_as_server(answer, script.kind, request.path);
  if (script.kind == FakeKind::anthropic) add_messages_headers(script, answer, request);
  if (!script.lost.empty()) {
    answer.headers.emplace_back("x-rocket-translation", script.lost);
    answer.headers.emplace_back("x-rocket-warning", "the prompt may not fit");
  }
  return answer;
}

FakeAnswer fake_error(FakeKind kind, int status, std::string_view message, std::uint64_t number) {
  if (kind == FakeKind::anthropic) return messages_error(status, message, number);
  OrderedJson error{{"message", message}, {"type", error_type(kind, status)}};
  if (kind == FakeKind::llama_cpp) {
    error["code"] = status;
  } else {
    error["param"] = nullptr;
    error["code"] = nullptr;
    if (kind == FakeKind::vllm) error["code"] = status;
  }
  FakeAnswer answer = FakeAnswer::json(OrderedJson{{"error", error}}.dump());
  answer.status = status;
  return answer;
}

}  // namespace rocket
