#include "proxy/data_operations.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include "proxy/anthropic_operations.h"
#include "proxy/embedding_batcher.h"
#include "proxy/exchange.h"
#include "proxy/ollama_operations.h"
#include "proxy/response_operations.h"
#include "proxy/routing.h"
#include "wire/json.h"
#include "wire/target.h"

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

// What Anthropic's clients ask for of a list: as many as `limit` behind or before a model
// (https://docs.claude.com/en/api/models-list). Without a limit there are as many as there may be.
struct Page {
  std::span<const Router::Listed> models;
  bool more = false;
};

Result<std::size_t> read_limit(const std::string& query) {
  constexpr std::size_t limit_max = 1000;
  const auto text = query_value(query, "limit");
  if (!text) return limit_max;
  std::size_t limit = 0;
  const char* const end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, limit);
  const bool whole = read.ec == std::errc() && read.ptr == end;
  if (whole && limit >= 1 && limit <= limit_max) return limit;
  return fail(ErrorCode::invalid_field, "`limit` must be a number from 1 to 1000");
}

// A model that is not listed, or not any more, bounds nothing: rather one twice than one left out.
Result<Page> read_page(std::span<const Router::Listed> models, const std::string& query) {
  const auto limit = read_limit(query);
  if (!limit) return std::unexpected(limit.error());
  const auto place_of = [&](const std::string& id) {
    return static_cast<std::size_t>(std::ranges::find(models, id, &Router::Listed::model) -
                                    models.begin());
  };
  const auto before = query_value(query, "before_id");
  if (before) models = models.first(place_of(*before));
  if (const auto after = query_value(query, "after_id")) {
    const std::size_t place = place_of(*after);
    if (place < models.size()) models = models.subspan(place + 1);
  }
  const std::size_t count = std::min(*limit, models.size());
  return Page{before ? models.last(count) : models.first(count), count < models.size()};
}

Task<void> list_models(Call& call) {
  const std::vector<Router::Listed> all = call.current()->router->models(call.key_scope());
  const bool anthropic = call.dialect == Dialect::anthropic;
  const auto page = anthropic ? read_page(all, call.target.query) : Page{all, false};
  if (!page) {
    call.send_error(page.error());
    co_return;
  }
  const std::span<const Router::Listed> models = page->models;
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
    body += page->more ? R"(,"has_more":true,"first_id":)" : R"(,"has_more":false,"first_id":)";
    body += first_id + R"(,"last_id":)" + last_id;
  }
  body += '}';
  call.send_json(200, body);
}

// Who has the model, in words of current(); nothing: nobody. Ollama's models have a name without
// their tag besides, which is not listed.
std::optional<Router::Listed> find_model(const Call& call, std::string_view name) {
  for (const Router::Listed& model : call.current()->router->models(call.key_scope())) {
    if (model.model == name) return model;
  }
  const auto route = call.current()->router->route(name, {}, call.loop().random, call.key_scope());
  if (!route) return std::nullopt;
  const size_t backend = route->candidates.front()->backend;
  return Router::Listed{route->name, call.current()->snapshot->backends[backend].name};
}

Task<void> one_model(Call& call) {
  const auto model = find_model(call, call.parameter);
  if (!model) {
    send_no_such_model(call, "no backend has the model '" + call.parameter.substr(0, 128) +
                                 "'; GET /v1/models lists what there is");
    co_return;
  }
  std::string body;
  append_model(body, call.dialect, *model);
  call.send_json(200, body);
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
                  [serving = health.serving](Call& call) {
                    const std::string body = std::string(R"({"status":")") +
                                             (serving() ? "ok" : "draining") + R"(","revision":)" +
                                             std::to_string(call.current()->snapshot->revision) +
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
