#include "policy/router.h"

#include <algorithm>
#include <unordered_set>

namespace rocket {
namespace {

constexpr std::string_view latest_tag = ":latest";

bool has_model(const RouterBackend& backend, const RouterBackend::EndpointModels& endpoint,
               std::string_view model) {
  return std::ranges::any_of(endpoint.models, [&](const std::string& known) {
    if (known == model) return true;
    return backend.implicit_latest && model.find(':') == std::string_view::npos &&
           known.size() == model.size() + latest_tag.size() && known.starts_with(model) &&
           known.ends_with(latest_tag);
  });
}

// Its only chat model, or empty.
std::string only_chat_model(const RouterBackend& backend) {
  std::string only;
  for (const auto& endpoint : backend.endpoints) {
    for (const std::string& model : endpoint.models) {
      if (names_embedding_model(model) || model == only) continue;
      if (!only.empty()) return {};
      only = model;
    }
  }
  return only;
}

std::string join(const std::vector<RouterBackend>& backends) {
  std::string names;
  for (const RouterBackend& backend : backends) {
    if (!names.empty()) names += ", ";
    names += backend.name;
  }
  return names;
}

// Moves one of the weighted candidates to the front, each as likely as its weight says.
void pick_first(std::vector<const Candidate*>& candidates, const std::vector<double>& weights,
                Random& random) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  if (sum <= 0) return;
  double point = random.unit() * sum;
  for (size_t i = 0; i < candidates.size(); ++i) {
    point -= weights[i];
    if (point >= 0) continue;
    const auto at = candidates.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(candidates.begin(), at, at + 1);
    return;
  }
}

}  // namespace

bool names_embedding_model(std::string_view model) {
  std::string lower(model);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  constexpr std::string_view marks[] = {"embed", "minilm", "bge-", "e5-", "gte-", "rerank"};
  return std::ranges::any_of(
      marks, [&](std::string_view mark) { return lower.find(mark) != std::string::npos; });
}

Router::Router(RouterInput input) : input_(std::move(input)) {
  for (size_t i = 0; i < input_.backends.size(); ++i) backends_[input_.backends[i].name] = i;
  add_models();
  add_routes();
  add_unnamed();
  list_models();
}

Candidate Router::candidate(size_t backend, std::string model) const {
  const RouterBackend& known = input_.backends[backend];
  Candidate result{backend, std::move(model), {}, false};
  for (size_t i = 0; i < known.endpoints.size(); ++i) {
    const auto& endpoint = known.endpoints[i];
    if (!endpoint.known || has_model(known, endpoint, result.model)) {
      result.endpoints.push_back(static_cast<std::uint32_t>(i));
    }
  }
  return result;
}

void Router::add_models() {
  const auto add = [&](size_t backend, const std::string& name) {
    Entry& entry = models_[name];
    const bool there = std::ranges::any_of(
        entry.candidates, [&](const Candidate& known) { return known.backend == backend; });
    if (there) return;
    entry.candidates.push_back(candidate(backend, name));
    // The backend knows the name as the client wrote it: pass the body on untouched.
    entry.candidates.back().model.clear();
    entry.weights.push_back(0);
  };
  // In order first; backends outside the order can only be reached by a hint, but their models
  // are known, so they stand behind (see add_named).
  std::vector<size_t> sequence = input_.order;
  for (size_t i = 0; i < input_.backends.size(); ++i) {
    if (std::ranges::find(sequence, i) == sequence.end()) sequence.push_back(i);
  }
  for (const size_t index : sequence) {
    const RouterBackend& backend = input_.backends[index];
    for (const auto& endpoint : backend.endpoints) {
      for (const std::string& model : endpoint.models) {
        add(index, model);
        if (backend.implicit_latest && model.ends_with(latest_tag)) {
          add(index, model.substr(0, model.size() - latest_tag.size()));
        }
      }
    }
  }
}

void Router::add_routes() {
  for (const RouterRoute& route : input_.routes) {
    Entry entry;
    entry.routed = true;
    for (const RouterTarget& target : route.targets) {
      entry.candidates.push_back(candidate(target.backend, target.model));
      entry.weights.push_back(target.weight);
    }
    if (route.substitute) {
      for (const size_t index : input_.order) {
        const std::string& fallback = input_.backends[index].default_model;
        if (fallback.empty()) continue;
        entry.candidates.push_back(candidate(index, fallback));
        entry.candidates.back().substitute = true;
        entry.weights.push_back(0);
      }
    }
    models_[route.name] = std::move(entry);
  }
}

void Router::add_unnamed() {
  for (size_t i = 0; i < input_.backends.size(); ++i) {
    const RouterBackend& backend = input_.backends[i];
    const std::string& named = backend.default_model;
    std::string model = named.empty() ? only_chat_model(backend) : named;
    unnamed_.push_back(model.empty() ? Candidate{i, {}, {}, false}
                                     : candidate(i, std::move(model)));
    Candidate unknown{i, {}, {}, false};
    for (size_t k = 0; k < backend.endpoints.size(); ++k) {
      if (!backend.endpoints[k].known) unknown.endpoints.push_back(static_cast<std::uint32_t>(k));
    }
    unknown_.push_back(std::move(unknown));
  }
}

void Router::list_models() {
  for (const RouterRoute& route : input_.routes) listed_.push_back({route.name, "rocket"});
  std::unordered_set<std::string_view> seen;
  for (const Listed& one : listed_) seen.insert(one.model);
  for (const RouterBackend& backend : input_.backends) {
    for (const auto& endpoint : backend.endpoints) {
      for (const std::string& model : endpoint.models) {
        if (seen.insert(model).second) listed_.push_back({model, backend.name});
      }
    }
  }
}

Result<Route> Router::route(std::string_view model, std::string_view backend,
                            Random& random) const {
  size_t hinted = 0;
  const bool has_hint = !backend.empty();
  if (has_hint) {
    const auto found = backends_.find(backend);
    if (found == backends_.end()) {
      return fail(ErrorCode::unknown_backend, "unknown backend '" + std::string(backend) +
                                                  "'; known: " + join(input_.backends));
    }
    hinted = found->second;
  }
  if (model.empty()) return route_unnamed(hinted, has_hint);

  Route route;
  const auto found = models_.find(model);
  if (found != models_.end()) {
    route.name = found->first;
    add_named(route, found->second, has_hint ? std::optional(hinted) : std::nullopt, random);
  } else if (has_hint && !unknown_[hinted].endpoints.empty()) {
    route.candidates.push_back(&unknown_[hinted]);
  }
  if (route.candidates.empty()) {
    return fail(ErrorCode::model_not_found,
                "no backend has the model '" + std::string(model.substr(0, 128)) +
                    "'; GET /v1/models lists what there is");
  }
  return route;
}

void Router::add_named(Route& route, const Entry& entry, std::optional<size_t> hinted,
                       Random& random) const {
  std::vector<double> weights;
  for (size_t i = 0; i < entry.candidates.size(); ++i) {
    const Candidate& one = entry.candidates[i];
    const bool in_order = entry.routed || std::ranges::find(input_.order, one.backend) !=
                                              input_.order.end();
    if (one.endpoints.empty() || one.backend == hinted || !in_order) continue;
    route.candidates.push_back(&one);
    weights.push_back(entry.weights[i]);
  }
  pick_first(route.candidates, weights, random);
  if (!hinted) return;
  std::vector<const Candidate*> first;
  for (const Candidate& one : entry.candidates) {
    if (one.backend == *hinted && !one.endpoints.empty()) first.push_back(&one);
  }
  // It may well have the model: nobody could ask it yet.
  if (first.empty() && !entry.routed && !unknown_[*hinted].endpoints.empty()) {
    first.push_back(&unknown_[*hinted]);
  }
  route.candidates.insert(route.candidates.begin(), first.begin(), first.end());
}

Result<Route> Router::route_unnamed(size_t hinted, bool has_hint) const {
  Route route;
  route.name = "default";
  if (has_hint && !unnamed_[hinted].endpoints.empty()) {
    route.candidates.push_back(&unnamed_[hinted]);
  }
  for (const size_t index : input_.order) {
    if (has_hint && index == hinted) continue;
    if (!unnamed_[index].endpoints.empty()) route.candidates.push_back(&unnamed_[index]);
  }
  if (route.candidates.empty()) {
    return fail(ErrorCode::no_model,
                "the request names no `model` and no backend has a `default_model` or exactly one "
                "chat model; name one of GET /v1/models");
  }
  return route;
}

}  // namespace rocket
