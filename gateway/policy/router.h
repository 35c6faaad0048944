#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/model_card.h"
#include "base/model_facts.h"
#include "base/random.h"
#include "policy/capability.h"
#include "policy/capacity.h"
#include "policy/key_scope.h"

namespace rocket {

// What the router knows of one backend.
struct RouterBackend {
  std::string name;
  std::string default_model;
  bool implicit_latest = false;  // `llama3` means `llama3:latest` (Ollama)

  struct EndpointModels {
    bool known = false;               // its inventory has been read at least once
    std::vector<std::string> models;  // in the backend's order
    std::vector<ModelFacts> facts{};  // beside the models; of those without any nothing is known
    std::vector<ModelCard> cards{};   // the same
    bool awaited = false;             // nobody has asked it yet: what it has is known in a moment
  };
  std::vector<EndpointModels> endpoints;
};

struct RouterTarget {
  size_t backend = 0;
  std::string model;
  double weight = 0;
};

struct RouterRoute {
  std::string name;
  std::vector<RouterTarget> targets;
  bool substitute = false;
  std::shared_ptr<Capacity> places = nullptr;  // of requests for it; null: no limit of its own
};

struct RouterInput {
  std::vector<RouterBackend> backends;
  std::vector<size_t> order;  // into backends, each at most once
  std::vector<RouterRoute> routes;
};

// One backend that may answer, and how to ask it.
struct Candidate {
  size_t backend = 0;
  std::string model;                     // what to ask for; empty: as the client wrote it
  std::vector<std::uint32_t> endpoints;  // those that have it, or may
  bool substitute = false;               // answers with another model than asked
  std::vector<ModelFacts> facts{};       // beside the endpoints: of the model there
  bool limited = false;                  // somewhere: not every request may fit
};

// Ordered candidates for one request. `name` is the route's or the model's name for metrics.
struct Route {
  std::string_view name;
  std::vector<const Candidate*> candidates;
  Capacity* places = nullptr;  // the route's; null: it has no limit of its own
};

// Which backends may answer which model, in which order.
//
// Immutable: made anew when the configuration or an inventory changes, so that a request costs
// one look-up however many models there are. Knows nothing of health: that is the balancer's.
class Router {
 public:
  explicit Router(RouterInput input);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // `model` and `backend` empty: not named by the client. `random` splits weighted first picks.
  // A backend that is named without a model, has models and can not choose one of them is no_model:
  // nobody else answers with his own instead.
  // No candidate is outside `scope`, however the request would come to it.
  // Errors: unknown_backend, no_model, model_not_found, forbidden; each names the thing and the
  // remedy, and none names a backend outside `scope`. no_backend: nobody is known who could answer,
  // and either not everybody has been asked for his models yet, or nobody has ever told of his.
  [[nodiscard]] Result<Route> route(std::string_view model, std::string_view backend,
                                    Random& random, const KeyScope& scope = {}) const;

  // Some endpoint has not been asked for its models yet: another router comes when it has been.
  [[nodiscard]] bool awaits_models() const { return awaits_models_; }

  // Up to a few models that lack nothing of it as far as is known, and are known to have the
  // ability if `needs` names one: "x (vllm), y (ollama)". Only such as may be asked for within
  // `scope`; empty: none is known. Looks at all of them: for errors.
  [[nodiscard]] std::string who_can(const Needs& needs, const KeyScope& scope) const;

  // Every model that a client may name within `scope`: routes first, then what the backends have,
  // each once.
  struct Listed {
    std::string_view model;
    std::string_view owner;  // the backend first in order that has it; "rocket" for a route
    const ModelCard* card = nullptr;  // of the owner's; null: nothing is known
  };
  [[nodiscard]] std::vector<Listed> models(const KeyScope& scope = {}) const;

 private:
  struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Entry {
    std::vector<Candidate> candidates;
    std::vector<double> weights;  // beside the candidates; all 0: by order
    // So many of the first candidates may answer without a hint: backends of the order, or all
    // that a configured route names.
    size_t unhinted = 0;
    bool routed = false;  // a configured route, not just a model's name
    std::shared_ptr<Capacity> places;
  };
  using Table = std::unordered_map<std::string, Entry, StringHash, std::equal_to<>>;

  void add_unknown();
  void add_models();
  struct Place {
    size_t backend;
    std::uint32_t endpoint;
  };
  void add_model(Place place, std::string_view name, const ModelFacts& facts);
  Candidate& candidate_for(size_t backend, std::string_view model);
  void add_unnamed();
  void add_routes();
  void list_models();
  // Every backend once, those of the order first.
  [[nodiscard]] std::vector<size_t> sequence() const;
  [[nodiscard]] Candidate candidate(size_t backend, std::string model) const;
  // What is asked of route(), the hint looked up.
  struct Asked {
    std::string_view model;
    std::optional<size_t> hinted;
    const KeyScope& scope;
  };
  [[nodiscard]] Result<std::optional<size_t>> find_hinted(std::string_view backend,
                                                          const KeyScope& scope) const;
  [[nodiscard]] Result<Route> route_unnamed(const Asked& asked) const;
  [[nodiscard]] std::string models_to_name(const Asked& asked) const;
  void add_named(Route& route, const Entry& entry, const Asked& asked, Random& random) const;
  [[nodiscard]] bool within(const KeyScope& scope, const Candidate& candidate) const;
  [[nodiscard]] std::string names(const KeyScope& scope) const;
  [[nodiscard]] bool may_yet_be_had(const KeyScope& scope) const;
  [[nodiscard]] bool knows_nobody(const Asked& asked) const;
  [[nodiscard]] Error why_none(const Asked& asked, const Entry* entry) const;

  RouterInput input_;
  Table models_;
  // Per backend: its answer to a request that names no model; no endpoints: none.
  std::vector<Candidate> unnamed_;
  // Per backend whose inventory is not known yet: asked as the client wrote it, if hinted.
  std::vector<Candidate> unknown_;
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> backends_;
  std::vector<Listed> listed_;
  bool awaits_models_ = false;
};

// While Router::awaits_models().
[[nodiscard]] Error models_not_known_yet();

// Whether a model's name says that it makes embeddings, so that it is not taken for a chat model.
[[nodiscard]] bool names_embedding_model(std::string_view model);

}  // namespace rocket
