#include "proxy/ollama_operations.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "base/timestamp.h"
#include "proxy/exchange.h"
#include "proxy/fetch.h"
#include "proxy/routing.h"
#include "schema/conversation.h"
#include "schema/inventory.h"
#include "schema/quirks.h"
#include "wire/json.h"

namespace rocket {
namespace {

// Whose API this is. Clients look at it to see what they may ask for.
constexpr std::string_view api_version = "0.17.4";
// Of files that there are none of.
constexpr std::string_view no_time = "1970-01-01T00:00:00Z";
// Of a model whose server does not tell when it goes out of memory. Ollama's own programs call what
// lies behind them "Stopping", and what is further away than twenty years "Forever".
constexpr std::string_view no_end = "2199-12-31T23:59:59Z";
constexpr std::string_view no_details =
    R"("details":{"parent_model":"","format":"","family":"","families":[],)"
    R"("parameter_size":"","quantization_level":""})";

// That it can, even if another one does not tell; else that nobody tells.
Telling better(Telling a, Telling b) {
  if (a == Telling::yes || b == Telling::yes) return Telling::yes;
  return a == Telling::none || b == Telling::none ? Telling::none : Telling::no;
}

// What is known of a model wherever it is: in memory if it is so anywhere, able to do what it can
// do anywhere. Nothing: no backend has it.
std::optional<ModelFacts> facts_of(const Call& call, std::string_view model) {
  const auto route = call.current()->router->route(model, {}, call.loop().random, call.key_scope());
  if (!route) return std::nullopt;
  ModelFacts all{.loaded = false, .tools = Telling::no, .vision = Telling::no};
  for (const Candidate* candidate : route->candidates) {
    if (candidate->facts.empty()) all = {};
    for (const ModelFacts& one : candidate->facts) {
      all.loaded |= one.loaded;
      all.context = std::max(all.context, one.context);
      all.tools = better(all.tools, one.tools);
      all.vision = better(all.vision, one.vision);
    }
  }
  return all;
}

// Ollama's own programs show the first twelve digits of a model's digest, and end when it has none.
// What is known of a model that is none of Ollama's is its name.
void append_digest(std::string& out, std::string_view name) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const std::uint8_t byte : sha256(name)) {
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
}

// What its server tells for people to look at; empty for one that tells nothing of the kind.
ModelCard card_of(const Router::Listed& model) {
  return model.card == nullptr ? ModelCard{} : *model.card;
}

void append_model(std::string& out, std::string_view name, const ModelCard& card) {
  const std::string quoted = json_quoted(name);
  out += R"({"name":)" + quoted + R"(,"model":)" + quoted;
  out += R"(,"size":)" + std::to_string(card.size) + R"(,"digest":)";
  if (card.digest.empty()) {
    out += '"';
    append_digest(out, name);
    out += '"';
  } else {
    out += json_quoted(card.digest);
  }
  out += ',';
  out += card.details.empty() ? std::string(no_details) : R"("details":)" + card.details;
}

Task<void> tags(Call& call) {
  std::string body = R"({"models":[)";
  for (const Router::Listed& model : call.current()->router->models(call.key_scope())) {
    if (!body.ends_with('[')) body += ',';
    const ModelCard card = card_of(model);
    append_model(body, model.model, card);
    body += R"(,"modified_at":)";
    body += json_quoted(card.modified_at.empty() ? no_time : card.modified_at) + "}";
  }
  call.send_json(200, body + "]}");
  co_return;
}

// What endpoints tell that know when they unload, by backend and endpoint.
using LoadedModels = std::map<std::pair<size_t, std::uint32_t>, std::vector<InventoryModel>>;

// Asked anew, since each use of a model puts its end off.
Task<LoadedModels> ask_what_is_loaded(Call& call) {
  LoadedModels all;
  const std::shared_ptr<const Current> current = call.current();
  const Snapshot& snapshot = *current->snapshot;
  const TimePoint deadline =
      deadline_after(call.loop().io.timers.now(), snapshot.config.health.timeout);
  for (size_t i = 0; i < snapshot.backends.size(); ++i) {
    const std::string path(quirks_of(snapshot.backends[i].kind).loaded_path);
    if (path.empty() || !call.key_scope().allows_backend(snapshot.backends[i].name)) continue;
    for (std::uint32_t k = 0; k < current->endpoints[i].size(); ++k) {
      const EndpointUse& use = current->endpoints[i][k];
      const bool alive = is_alive(use.endpoint->verdict.load(std::memory_order_relaxed));
      const auto count = use.endpoint->models_in_memory.load(std::memory_order_relaxed);
      if (!alive || count == 0) continue;
      const auto told =
          co_await fetch(call.loop().io, *use.endpoint, *use.pool, FetchRequest{path}, deadline);
      if (!told || told->status != 200) continue;
      auto models = read_inventory(told->body);
      if (models) all[{i, k}] = std::move(models->models);
    }
  }
  co_return all;
}

// When it goes out of memory where it would be asked for first. Nothing: it just has.
std::optional<std::string> end_of(const Call& call, std::string_view model,
                                  const LoadedModels& told) {
  const auto route = call.current()->router->route(model, {}, call.loop().random, call.key_scope());
  if (!route) return std::nullopt;
  for (const Candidate* candidate : route->candidates) {
    if (candidate->facts.empty()) return std::string(no_end);
    const std::string name = candidate->model.empty() ? std::string(model) : candidate->model;
    for (size_t i = 0; i < candidate->facts.size(); ++i) {
      if (!candidate->facts[i].loaded) continue;
      const auto there = told.find({candidate->backend, candidate->endpoints[i]});
      if (there == told.end()) return std::string(no_end);
      const auto one = std::ranges::find_if(there->second, [&](const InventoryModel& listed) {
        return listed.name == name || listed.name == name + ":latest";
      });
      if (one == there->second.end()) continue;
      return one->expires_at.empty() ? std::string(no_end) : one->expires_at;
    }
  }
  return std::nullopt;
}

Task<void> loaded(Call& call) {
  const LoadedModels told = co_await ask_what_is_loaded(call);
  std::string body = R"({"models":[)";
  for (const Router::Listed& model : call.current()->router->models(call.key_scope())) {
    const auto facts = facts_of(call, model.model);
    if (!facts || !facts->loaded) continue;
    const auto end = end_of(call, model.model, told);
    if (!end) continue;
    if (!body.ends_with('[')) body += ',';
    ModelCard card = card_of(model);
    card.size = card.in_memory;
    append_model(body, model.model, card);
    body.append(R"(,"expires_at":")").append(*end).append(R"(","size_vram":)");
    body += std::to_string(card.in_vram);
    body += R"(,"context_length":)" + std::to_string(facts->context) + "}";
  }
  call.send_json(200, body + "]}");
  co_return;
}

// Of the model that it names; older clients call it `name`, and those written in Go send both, the
// other one empty.
Result<std::string> model_asked(const Call& call) {
  std::string model;
  std::string name;
  const auto scanned =
      scan_object(call.request().body.text(), JsonLimits{}, [&](const JsonMember& member) {
        if (member.key_is("model")) model = member.value.as_string().value_or("");
        if (member.key_is("name")) name = member.value.as_string().value_or("");
      });
  if (!scanned) return std::unexpected(scanned.error());
  if (model.empty()) model = std::move(name);
  if (model.empty()) return fail(ErrorCode::no_model, "`model` is missing; send a model's name");
  return model;
}

// What the server tells that would be asked first, if that is an Ollama: templates, parameters and
// all. Empty: it is none, or tells nothing in time.
Task<std::string> told_by_server(Call& call, std::string model) {
  const std::shared_ptr<const Current> current = call.current();
  const auto route = current->router->route(model, {}, call.loop().random, call.key_scope());
  if (!route || route->candidates.empty()) co_return std::string();
  const Candidate& first = *route->candidates.front();
  if (!current->snapshot->backends[first.backend].speaks(Dialect::ollama)) co_return std::string();
  const std::string& name = first.model.empty() ? model : first.model;
  const auto verbose = json_find(call.request().body.text(), "verbose");
  std::string asked = R"({"model":)" + json_quoted(name);
  asked += verbose && verbose->as_bool() == true ? R"(,"verbose":true})" : "}";
  const TimePoint now = call.loop().io.timers.now();
  const TimePoint deadline = deadline_after(now, current->snapshot->config.health.timeout);
  for (const std::uint32_t place : first.endpoints) {
    const EndpointUse& use = current->endpoints[first.backend][place];
    if (!is_alive(use.endpoint->verdict.load(std::memory_order_relaxed))) continue;
    auto told = co_await fetch(call.loop().io, *use.endpoint, *use.pool,
                               FetchRequest{"/api/show", asked}, deadline);
    if (told && told->status == 200) co_return std::move(told->body);
  }
  co_return std::string();
}

Task<void> show(Call& call) {
  const auto model = model_asked(call);
  if (!model) {
    call.send_error(model.error());
    co_return;
  }
  const std::string told = co_await told_by_server(call, *model);
  if (!told.empty()) {
    call.send_json(200, told);
    co_return;
  }
  const auto facts = facts_of(call, *model);
  if (!facts) {
    send_no_such_model(call, "model '" + model->substr(0, 128) + "' not found");
    co_return;
  }
  std::string body = R"({"modelfile":"","parameters":"","template":"",)";
  body += no_details;
  body += R"(,"model_info":{"general.architecture":"model")";
  if (facts->context != 0) {
    body += R"(,"model.context_length":)" + std::to_string(facts->context);
  }
  body += R"(},"capabilities":["completion")";
  // Where nobody tells, it may be able to; refusing it is the backend's business.
  if (facts->tools != Telling::no) body += R"(,"tools")";
  if (facts->vision == Telling::yes) body += R"(,"vision")";
  body.append(R"(],"modified_at":")").append(no_time).append("\"}");
  call.send_json(200, body);
}

// Backends that do not know of loading have nothing to do for it; those who ask wait for a yes.
Task<void> converse(Call& call) {
  if (call.current()->router->awaits_models()) {
    co_await await_models(call);
  }
  const auto routed = find_route(call);
  if (!routed) {
    call.send_error(routed.error());
    co_return;
  }
  const auto loads = [](const Backend& backend) { return backend.speaks(Dialect::ollama); };
  if (!routed->request.asks_nothing || any_backend(call, routed->route, loads)) {
    co_await run_exchange(call);
    co_return;
  }
  std::string body = R"({"model":)" + json_quoted(routed->route.name) + R"(,"created_at":")";
  append_timestamp(body, call.loop().io.timers.wall_now());
  body += call.operation == Operation::ollama_generate
              ? R"(","response":"")"
              : R"(","message":{"role":"assistant","content":""})";
  const auto kept = json_find(call.request().body.text(), "keep_alive");
  const bool unload = kept && (kept->text == "0" || kept->text.starts_with("\"0"));
  body +=
      unload ? R"(,"done":true,"done_reason":"unload"})" : R"(,"done":true,"done_reason":"load"})";
  call.send_json(200, body);
}

Task<void> version(Call& call) {
  call.send_json(200, R"({"version":")" + std::string(api_version) + "\"}");
  co_return;
}

Task<void> refuse_management(Call& call) {
  call.send_error({ErrorCode::path_forbidden,
                   "models are not managed through this gateway; ask the model server itself"});
  co_return;
}

}  // namespace

void add_ollama_operations(Operations& operations) {
  operations.add({Method::post, "/api/chat", Operation::ollama_chat, converse});
  operations.add({Method::post, "/api/generate", Operation::ollama_generate, converse});
  operations.add({Method::post, "/api/embed", Operation::ollama_embed, run_exchange});
  operations.add({Method::get, "/api/tags", Operation::ollama_tags, tags});
  operations.add({Method::get, "/api/ps", Operation::ollama_ps, loaded});
  operations.add({Method::post, "/api/show", Operation::ollama_show, show});
  operations.add({Method::get, "/api/version", Operation::ollama_version, version});
  operations.add({Method::get, "/", Operation::root,
                  [](Call& call) -> Task<void> {
                    call.send_text(200, "Ollama is running");
                    co_return;
                  },
                  true, Operations::Access::anyone});
  // Whatever the method is: it is the path that is refused. HEAD goes where GET does.
  for (const char* path :
       {"/api/create", "/api/pull", "/api/push", "/api/copy", "/api/delete", "/api/blobs/"}) {
    for (const Method method : {Method::get, Method::post, Method::del})
      operations.add({method, path, Operation::ollama_management, refuse_management});
  }
}

}  // namespace rocket
