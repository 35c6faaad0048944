#include "testing/fake_inventory.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>

#include "testing/fake_messages.h"

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
    case FakeKind::anthropic: break;  // does not say
  }
  return "";
}

bool can(const FakeScript& script, const std::string& ability) {
  return script.abilities && std::ranges::count(*script.abilities, ability) != 0;
}

void tell_of_llama_cpp(Json& model, const FakeScript& script) {
  model["meta"] = {{"n_ctx_train", 8192}};
  if (script.context != 0) model["meta"]["n_ctx"] = script.context;
  if (!script.abilities) return;
  Json input = Json::array({"text"});
  if (can(script, "vision")) input.push_back("image");
  model["architecture"] = {{"input_modalities", input}};
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
      entry["max_model_len"] = script.context != 0 ? script.context : 131'072;
    }
    if (script.kind == FakeKind::llama_cpp) tell_of_llama_cpp(entry, script);
    list.push_back(std::move(entry));
  }
  return json({{"object", "list"}, {"data", list}});
}

FakeAnswer gauges(std::initializer_list<std::pair<std::string, double>> values,
                  const std::string& labels) {
  std::string lines;
  for (const auto& [name, value] : values) {
    lines += "# HELP " + name + " As the server says.\n# TYPE " + name + " gauge\n";
    lines += name + labels + ' ' + std::to_string(value) + '\n';
  }
  return text(200, "text/plain; version=0.0.4; charset=utf-8", lines);
}

Answer llama_cpp(const FakeScript& script, const std::string& path) {
  if (path == "/health" || path == "/v1/health") return json({{"status", "ok"}});
  if (!script.tells_load) return std::nullopt;
  if (path == "/slots") {
    Json slots = Json::array();
    for (std::uint64_t i = 0; i < script.slots; ++i)
      slots.push_back({{"id", i}, {"is_processing", i < script.running}});
    return json(slots);
  }
  if (path == "/metrics") {
    return gauges({{"llamacpp:requests_processing", static_cast<double>(script.running)},
                   {"llamacpp:requests_deferred", static_cast<double>(script.waiting)}},
                  "");
  }
  return std::nullopt;
}

// What Ollama tells of one model.
Answer show(const FakeScript& script, const FakeRequest& request) {
  const auto asked = nlohmann::json::parse(request.body, nullptr, false);
  const auto is_asked = [&](const std::string& model) {
    return asked.is_object() && asked.contains("model") && asked["model"] == model;
  };
  if (std::ranges::none_of(script.models, is_asked)) return std::nullopt;
  Json told{{"details", {{"format", "gguf"}, {"family", "llama"}}}};
  told["model_info"] = {{"general.architecture", "llama"}};
  if (script.context != 0) told["model_info"]["llama.context_length"] = script.context;
  if (script.abilities) {
    told["capabilities"] = Json::array({"completion"});
    for (const std::string& ability : *script.abilities)
      told["capabilities"].push_back(ability);
  }
  return json(told);
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
      one["context_length"] = script.context != 0 ? script.context : 131'072;
      models.push_back(std::move(one));
    }
    return json({{"models", models}});
  }
  return std::nullopt;
}

Answer vllm(const FakeScript& script, const std::string& path) {
  if (path == "/health" || path == "/ping") return empty();
  if (path == "/version") return json({{"version", "0.32.0"}});
  if (path == "/metrics" && script.tells_load) {
    const std::string cache = script.old_gauges ? "gpu_cache_usage_perc" : "kv_cache_usage_perc";
    return gauges({{"vllm:num_requests_running", static_cast<double>(script.running)},
                   {"vllm:num_requests_waiting", static_cast<double>(script.waiting)},
                   {"vllm:" + cache, static_cast<double>(script.cache_permille) / 1000}},
                  R"({engine="0",model_name="m"})");
  }
  return std::nullopt;
}

Answer lmstudio(const FakeScript& script, const std::string& path) {
  Json models = Json::array();
  if (path == "/api/v1/models") {
    for (const std::string& model : script.models) {
      Json instances = Json::array();
      if (is_loaded(script, model)) instances.push_back({{"id", model}});
      Json one{{"type", "llm"}, {"key", model}, {"loaded_instances", instances}};
      if (script.context != 0) one["max_context_length"] = script.context;
      if (script.abilities) {
        one["capabilities"] = {{"vision", can(script, "vision")},
                               {"trained_for_tool_use", can(script, "tools")}};
      }
      models.push_back(std::move(one));
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

Json anthropic_model(const FakeScript& script, const std::string& model) {
  Json told{{"type", "model"},
            {"id", model},
            {"display_name", model},
            {"created_at", "2026-01-01T00:00:00Z"},
            {"lifecycle", "active"}};
  if (script.context != 0) told["max_input_tokens"] = script.context;
  return told;
}

constexpr std::string_view one_model = "/v1/models/";

Answer anthropic(const FakeScript& script, const std::string& path) {
  if (path == "/v1/models") {
    Json list{{"data", Json::array()}, {"has_more", false}};
    for (const std::string& model : script.models)
      list["data"].push_back(anthropic_model(script, model));
    const bool none = script.models.empty();
    list["first_id"] = none ? Json() : Json(script.models.front());
    list["last_id"] = none ? Json() : Json(script.models.back());
    return json(list);
  }
  if (!path.starts_with(one_model)) return std::nullopt;
  const std::string model = path.substr(one_model.size());
  if (std::ranges::count(script.models, model) == 0) return std::nullopt;
  return json(anthropic_model(script, model));
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
    case FakeKind::anthropic: {
      const bool model = request.path.starts_with(one_model);
      const std::string what =
          model ? "model: " + request.path.substr(one_model.size()) : std::string("Not Found");
      return messages_error(404, what, request.number);
    }
  }
  return {};
}

}  // namespace

FakeAnswer fake_inventory(const FakeScript& script, const FakeRequest& request) {
  if (script.kind == FakeKind::ollama && request.path == "/api/show" && request.method == "POST") {
    Answer told = show(script, request);
    return told ? std::move(*told) : not_found(script, request);
  }
  if (script.kind == FakeKind::anthropic && request.path == count_tokens_path &&
      request.method == "POST") {
    return fake_token_count(script, request);
  }
  if (request.method != "GET") return not_found(script, request);
  if (request.path == "/v1/models" && script.kind != FakeKind::anthropic) {
    return openai_models(script);
  }
  Answer answer;
  switch (script.kind) {
    case FakeKind::llama_cpp: answer = llama_cpp(script, request.path); break;
    case FakeKind::ollama: answer = ollama(script, request.path); break;
    case FakeKind::vllm: answer = vllm(script, request.path); break;
    case FakeKind::lmstudio: answer = lmstudio(script, request.path); break;
    case FakeKind::anthropic: answer = anthropic(script, request.path); break;
  }
  return answer ? std::move(*answer) : not_found(script, request);
}

}  // namespace rocket
