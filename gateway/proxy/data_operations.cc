#include "proxy/data_operations.h"

#include "proxy/anthropic_operations.h"
#include "proxy/embedding_batcher.h"
#include "proxy/exchange.h"
#include "proxy/ollama_operations.h"
#include "proxy/response_operations.h"
#include "proxy/routing.h"
#include "wire/json.h"

namespace rocket {
namespace {

// An answer that is complete as it is.
Task<void> send_now(Call& call, int status, std::string body) {
  call.send_json(status, body);
  co_return;
}

Task<void> send_text(Call& call, int status, std::string body) {
  call.send_text(status, body);
  co_return;
}

void append_anthropic_model(std::string& out, const Router::Listed& model) {
  out += R"({"type":"model","id":)";
  json_append_quoted(out, model.model);
  out += R"(,"display_name":)";
  json_append_quoted(out, model.model);
  out += R"(,"created_at":"1970-01-01T00:00:00Z","lifecycle":"active"})";
}

void append_openai_model(std::string& out, const Router::Listed& model) {
  out += R"({"id":)";
  json_append_quoted(out, model.model);
  out += R"(,"object":"model","created":0,"owned_by":)";
  json_append_quoted(out, model.owner);
  out += "}";
}

// In the shape that the client knows: Anthropic's send their version.
void append_model(std::string& out, Dialect dialect, const Router::Listed& model) {
  if (dialect == Dialect::anthropic) {
    append_anthropic_model(out, model);
  } else {
    append_openai_model(out, model);
  }
}

Task<void> list_models(Call& call) {
  const auto models = call.current()->router->models(call.key_scope());
  const bool anthropic = call.dialect == Dialect::anthropic;
  std::string body = anthropic ? R"({"data":[)" : R"({"object":"list","data":[)";
  bool first = true;
  for (const Router::Listed& model : models) {
    if (!first) body += ',';
    first = false;
    append_model(body, call.dialect, model);
  }
  body += ']';
  if (anthropic) {
    const std::string first_id = models.empty() ? "null" : json_quoted(models.front().model);
    const std::string last_id = models.empty() ? "null" : json_quoted(models.back().model);
    body += R"(,"has_more":false,"first_id":)" + first_id + R"(,"last_id":)" + last_id;
  }
  body += '}';
  return send_now(call, 200, std::move(body));
}

Task<void> one_model(Call& call) {
  for (const Router::Listed& model : call.current()->router->models(call.key_scope())) {
    if (model.model != call.parameter) continue;
    std::string body;
    append_model(body, call.dialect, model);
    call.send_json(200, body);
    co_return;
  }
  send_no_such_model(call, "no backend has the model '" + call.parameter.substr(0, 128) +
                               "'; GET /v1/models lists what there is");
}

}  // namespace

void add_data_operations(Operations& operations, PortHealth health) {
  using Access = Operations::Access;
  operations.add({Method::post, "/v1/chat/completions", Operation::chat_completions, run_exchange});
  operations.add({Method::post, "/v1/completions", Operation::completions, run_exchange});
  operations.add({Method::post, "/v1/embeddings", Operation::embeddings,
                  [batcher = std::make_shared<EmbeddingBatcher>()](Call& call) {
                    return batcher->answer(call);
                  }});
  operations.add({Method::get, "/v1/models", Operation::models, list_models});
  operations.add({Method::get, "/v1/models/", Operation::model, one_model});
  add_response_operations(operations);
  add_anthropic_operations(operations);
  add_ollama_operations(operations);
  operations.add({Method::get, "/health", Operation::health,
                  [](Call& call) {
                    const std::string body =
                        std::string(R"({"status":")") + (call.loop().draining ? "draining" : "ok") +
                        R"(","revision":)" + std::to_string(call.current()->snapshot->revision) +
                        "}";
                    return send_now(call, 200, body);
                  },
                  true, Access::anyone});
  operations.add({Method::get, "/livez", Operation::livez,
                  [](Call& call) { return send_now(call, 200, R"({"status":"ok"})"); }, true,
                  Access::anyone});
  operations.add({Method::get, "/readyz", Operation::readyz,
                  [health](Call& call) {
                    if (health.ready()) return send_now(call, 200, R"({"status":"ready"})");
                    return send_now(call, 503,
                                    health.serving() ? R"({"status":"not ready"})"
                                                     : R"({"status":"draining"})");
                  },
                  true, Access::anyone});
  // What Ray Serve's proxy answers to KubeRay's probes, to the letter.
  operations.add({Method::get, "/-/healthz", Operation::serve_health,
                  [serving = health.serving](Call& call) {
                    return serving() ? send_text(call, 200, "success")
                                     : send_text(call, 503, "lame duck");
                  },
                  true, Access::anyone});
}

}  // namespace rocket
