#include "testing/fake_inventory.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace rocket {
namespace {

using Json = nlohmann::ordered_json;

// An answer to GET of that path, if the kind has it.
using Answer = std::optional<FakeAnswer>;

FakeAnswer text(int status, std::string content_type, std::string body) {
  FakeAnswer answer;
  answer.status = status;
  answer.content_type = std::move(content_type);
  answer.pieces.push_back(std::move(body));
  return answer;
}

FakeAnswer json(const Json& value) {
  return FakeAnswer::json(value.dump());
}

FakeAnswer empty() {
  return text(200, "text/plain", "");
}

bool is_loaded(const FakeScript& script, const std::string& model) {
  return std::ranges::count(script.loaded, model) != 0;
}

const char* owner(FakeKind kind) {
  switch (kind) {
    case FakeKind::llama_cpp: return "llamacpp";
    case FakeKind::ollama: return "library";
    case FakeKind::vllm: return "vllm";
    case FakeKind::lmstudio: return "organization_owner";
  }
  return "";
}

FakeAnswer openai_models(const FakeScript& script) {
  Json list = Json::array();
  for (const std::string& model : script.models) {
    Json entry{{"id", model}, {"object", "model"}};
    if (script.kind != FakeKind::lmstudio) entry["created"] = 1'767'225'600;
    entry["owned_by"] = owner(script.kind);
    if (script.kind == FakeKind::vllm) {
      entry["root"] = model;
      entry["parent"] = nullptr;
      entry["max_model_len"] = 2048;
    }
    if (script.kind == FakeKind::llama_cpp) entry["meta"] = {{"n_ctx_train", 8192}};
    list.push_back(std::move(entry));
  }
  return json({{"object", "list"}, {"data", list}});
}

Answer llama_cpp(const std::string& path) {
  if (path == "/health" || path == "/v1/health") return json({{"status", "ok"}});
  return std::nullopt;
}

Answer ollama(const FakeScript& script, const std::string& path) {
  const auto entry = [](const std::string& model) {
    return Json{{"name", model},
                {"model", model},
                {"size", 104'857'600},
                {"digest", std::string(64, 'd')},
                {"details", {{"format", "gguf"}, {"family", "llama"}, {"parameter_size", "135M"}}}};
  };
  Json models = Json::array();
  if (path == "/") return text(200, "text/plain; charset=utf-8", "Ollama is running");
  if (path == "/api/version") return json({{"version", "0.17.4"}});
  if (path == "/api/tags") {
    for (const std::string& model : script.models) {
      Json one = entry(model);
      one["modified_at"] = "2026-01-01T00:00:00Z";
      models.push_back(std::move(one));
    }
    return json({{"models", models}});
  }
  if (path == "/api/ps") {
    for (const std::string& model : script.loaded) {
      Json one = entry(model);
      one["expires_at"] = "2036-01-01T00:00:00Z";
      one["size_vram"] = 0;
      one["context_length"] = 4096;
      models.push_back(std::move(one));
    }
    return json({{"models", models}});
  }
  return std::nullopt;
}

Answer vllm(const std::string& path) {
  if (path == "/health" || path == "/ping") return empty();
  if (path == "/version") return json({{"version", "0.32.0"}});
  return std::nullopt;
}

Answer lmstudio(const FakeScript& script, const std::string& path) {
  Json models = Json::array();
  if (path == "/api/v1/models") {
    for (const std::string& model : script.models) {
      Json instances = Json::array();
      if (is_loaded(script, model)) instances.push_back({{"id", model}});
      models.push_back({{"type", "llm"}, {"key", model}, {"loaded_instances", instances}});
    }
    return json({{"models", models}});
  }
  if (path == "/api/v0/models") {
    for (const std::string& model : script.models) {
      models.push_back({{"id", model},
                        {"object", "model"},
                        {"type", "llm"},
                        {"state", is_loaded(script, model) ? "loaded" : "not-loaded"}});
    }
    return json({{"object", "list"}, {"data", models}});
  }
  return std::nullopt;
}

FakeAnswer not_found(const FakeScript& script, const FakeRequest& request) {
  switch (script.kind) {
    case FakeKind::llama_cpp: return fake_error(script.kind, 404, "File Not Found");
    case FakeKind::ollama: return text(404, "text/plain", "404 page not found");
    case FakeKind::vllm: return text(404, "application/json", R"({"detail":"Not Found"})");
    case FakeKind::lmstudio:
      // With status 200, as it does.
      return json({{"error", "Unexpected endpoint or method. (" + request.method + " " +
                                 request.path + ")"}});
  }
  return {};
}

}  // namespace

FakeAnswer fake_inventory(const FakeScript& script, const FakeRequest& request) {
  if (request.method != "GET") return not_found(script, request);
  if (request.path == "/v1/models") return openai_models(script);
  Answer answer;
  switch (script.kind) {
    case FakeKind::llama_cpp: answer = llama_cpp(request.path); break;
    case FakeKind::ollama: answer = ollama(script, request.path); break;
    case FakeKind::vllm: answer = vllm(request.path); break;
    case FakeKind::lmstudio: answer = lmstudio(script, request.path); break;
  }
  return answer ? std::move(*answer) : not_found(script, request);
}

}  // namespace rocket
