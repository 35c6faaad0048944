#include "policy/router.h"

#include <algorithm>
#include <unordered_set>

namespace rocket {
namespace {

constexpr std::string_view latest_tag = ":latest";

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

bool is_awaited(const RouterBackend& backend) {
  return std::ranges::any_of(backend.endpoints, &RouterBackend::EndpointModels::awaited);
}

// A name that a client sent, fit for an error's text.
std::string quoted(std::string_view name) {
  constexpr size_t shown_bytes_max = 128;
  return "'" + std::string(name.substr(0, shown_bytes_max)) + "'";
}

// Moves one of the weighted candidates to the front, each as likely as its weight says.
void pick_first(std::vector<const Candidate*>& candidates, const std::vector<double>& weights,
                Random& random) {
  double sum = 0;
  for (const double weight : weights)
    sum += weight;
  if (sum <= 0) return;
  double point = random.unit() * sum;
  for (size_t i = 0; i < weights.size(); ++i) {
    point -= weights[i];
    if (point >= 0) continue;
    const auto at = candidates.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(candidates.begin(), at, at + 1);
    return;
  }
}

Error nobody_known() {
  return {ErrorCode::no_backend,
          "none of the backends that may be asked has told yet which models it has; start one, or "
          "see what is wrong in GET /backends of the admin port"};
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

Error models_not_known_yet() {
  return {ErrorCode::no_backend,
          "which models there are is not known yet: some backends have not been asked so far; try "
          "again in a moment"};
}

Router::Router(RouterInput input) : input_(std::move(input)) {
  for (size_t i = 0; i < input_.backends.size(); ++i) {
    backends_[input_.backends[i].name] = i;
    awaits_models_ |= is_awaited(input_.backends[i]);
  }
  add_unknown();
  add_models();
  // What backends have is looked up under its own name, so before routes take names over.
  add_unnamed();
  add_routes();
  list_models();
}

std::vector<size_t> Router::sequence() const {
  std::vector<size_t> all = input_.order;
  for (size_t i = 0; i < input_.backends.size(); ++i) {
    if (std::ranges::find(input_.order, i) == input_.order.end()) all.push_back(i);
  }
  return all;
}

void Router::add_unknown() {
  for (size_t i = 0; i < input_.backends.size(); ++i) {
    const RouterBackend& backend = input_.backends[i];
    Candidate unknown{i, {}, {}, false};
    for (size_t k = 0; k < backend.endpoints.size(); ++k) {
      if (!backend.endpoints[k].known) unknown.endpoints.push_back(static_cast<std::uint32_t>(k));
    }
    unknown.facts.resize(unknown.endpoints.size());
    unknown_.push_back(std::move(unknown));
  }
}

// Backend by backend, so that each costs a look-up per model however many models there are.
void Router::add_models() {
  for (const size_t index : sequence()) {
    const RouterBackend& backend = input_.backends[index];
    // Said to be there, by whoever configured it: one that can not be asked for its models is not
    // one that lacks it.
    if (!backend.default_model.empty() && !unknown_[index].endpoints.empty()) {
      candidate_for(index, backend.default_model);
    }
    for (size_t k = 0; k < backend.endpoints.size(); ++k) {
      const RouterBackend::EndpointModels& has = backend.endpoints[k];
      const Place place{index, static_cast<std::uint32_t>(k)};
      for (size_t i = 0; i < has.models.size(); ++i) {
        const std::string_view model = has.models[i];
        const ModelFacts facts = i < has.facts.size() ? has.facts[i] : ModelFacts{};
        add_model(place, model, facts);
        if (backend.implicit_latest && model.ends_with(latest_tag)) {
          add_model(place, model.substr(0, model.size() - latest_tag.size()), facts);
        }
      }
    }
  }
}

void Router::add_model(Place place, std::string_view name, const ModelFacts& facts) {
  Candidate& one = candidate_for(place.backend, name);
  const auto at = std::ranges::lower_bound(one.endpoints, place.endpoint);
  if (at != one.endpoints.end() && *at == place.endpoint) return;
  one.facts.insert(one.facts.begin() + (at - one.endpoints.begin()), facts);
  one.endpoints.insert(at, place.endpoint);
  one.limited |= facts.limited();
}

// The one at the end of the model's candidates: backends come one after the other.
Candidate& Router::candidate_for(size_t backend, std::string_view model) {
  Entry& entry = models_[std::string(model)];
  if (entry.candidates.empty() || entry.candidates.back().backend != backend) {
    // Without a model's name: the backend knows the one that the client wrote, so the body passes
    // untouched. Endpoints that have not been asked yet may have the model too.
    entry.candidates.push_back(unknown_[backend]);
    entry.weights.push_back(0);
    if (std::ranges::find(input_.order, backend) != input_.order.end()) ++entry.unhinted;
  }
  return entry.candidates.back();
}

// The endpoints of the backend that have the model, or may.
Candidate Router::candidate(size_t backend, std::string model) const {
  Candidate result = unknown_[backend];
  if (const auto found = models_.find(model); found != models_.end()) {
    const auto& all = found->second.candidates;
    const auto one = std::ranges::find(all, backend, &Candidate::backend);
    if (one != all.end()) result = *one;
  }
  result.model = std::move(model);
  return result;
}

void Router::add_unnamed() {
  for (size_t i = 0; i < input_.backends.size(); ++i) {
    const RouterBackend& backend = input_.backends[i];
    const std::string& named = backend.default_model;
    const std::string model = named.empty() ? only_chat_model(backend) : named;
    unnamed_.push_back(model.empty() ? Candidate{i, {}, {}, false} : candidate(i, model));
  }
}

void Router::add_routes() {
  std::vector<Entry> entries;
  for (const RouterRoute& route : input_.routes) {
    Entry& entry = entries.emplace_back();
    entry.routed = true;
    entry.places = route.places;
    // Beside others that share requests out, one without a share is asked when they can not answer.
    for (const bool shares : {true, false}) {
      for (const RouterTarget& target : route.targets) {
        if ((target.weight > 0) != shares) continue;
        entry.candidates.push_back(candidate(target.backend, target.model));
        entry.weights.push_back(target.weight);
      }
    }
    for (const size_t index : input_.order) {
      const std::string& fallback = input_.backends[index].default_model;
      if (!route.substitute || fallback.empty()) continue;
      entry.candidates.push_back(candidate(index, fallback));
      entry.candidates.back().substitute = true;
      entry.weights.push_back(0);
    }
    entry.unhinted = entry.candidates.size();
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    models_[input_.routes[i].name] = std::move(entries[i]);
  }
}

void Router::list_models() {
  std::unordered_set<std::string_view> seen;
  for (const RouterRoute& route : input_.routes) {
    if (seen.insert(route.name).second) listed_.push_back({route.name, "rocket"});
  }
  for (const size_t index : sequence()) {
    const RouterBackend& backend = input_.backends[index];
    for (const auto& endpoint : backend.endpoints) {
      for (size_t i = 0; i < endpoint.models.size(); ++i) {
        const std::string& model = endpoint.models[i];
        const ModelCard* const card = i < endpoint.cards.size() ? &endpoint.cards[i] : nullptr;
        if (seen.insert(model).second) listed_.push_back({model, backend.name, card});
      }
    }
  }
}

std::vector<Router::Listed> Router::models(const KeyScope& scope) const {
  if (scope.models.empty() && scope.backends.empty()) return listed_;
  std::vector<Listed> allowed;
  for (Listed listed : listed_) {
    if (!scope.allows_model(listed.model)) continue;
    const Entry& entry = models_.find(listed.model)->second;
    const auto owner = std::ranges::find_if(
        entry.candidates, [&](const Candidate& one) { return within(scope, one); });
    if (owner == entry.candidates.end()) continue;
    if (!entry.routed && listed.owner != input_.backends[owner->backend].name) {
      listed = {listed.model, input_.backends[owner->backend].name};
    }
    allowed.push_back(listed);
  }
  return allowed;
}

std::string Router::who_can(const Needs& needs, const KeyScope& scope) const {
  constexpr size_t named_max = 5;
  std::string names;
  size_t count = 0;
  const auto can = [&](const ModelFacts& facts) {
    return lack_of(facts, needs) == Lack::none && (!needs.tools || facts.tools == Telling::yes) &&
           (!needs.images || facts.vision == Telling::yes) &&
           (needs.characters == 0 || facts.context != 0);
  };
  for (const Listed& listed : models(scope)) {
    const Entry& entry = models_.find(listed.model)->second;
    for (const Candidate& one : entry.candidates) {
      if (!within(scope, one) || std::ranges::none_of(one.facts, can)) continue;
      if (count++ == named_max) return names + ", ...";
      names += (names.empty() ? "" : ", ") + std::string(listed.model) + " (" +
               input_.backends[one.backend].name + ")";
      break;
    }
  }
  return names;
}

Result<Route> Router::route(std::string_view model, std::string_view backend, Random& random,
                            const KeyScope& scope) const {
  const auto hinted = find_hinted(backend, scope);
  if (!hinted) return std::unexpected(hinted.error());
  const Asked asked{model, *hinted, scope};
  if (model.empty()) return route_unnamed(asked);
  // Before it is looked up: what a key may not use, it is not told to exist either.
  if (!scope.allows_model(model)) {
    return fail(ErrorCode::forbidden, "this API key may not use the model " + quoted(model) +
                                          "; GET /v1/models lists what it may");
  }
  Route route;
  const auto found = models_.find(model);
  if (found != models_.end()) {
    route.name = found->first;
    route.places = found->second.places.get();
    add_named(route, found->second, asked, random);
  } else if (asked.hinted && !unknown_[*asked.hinted].endpoints.empty()) {
    route.name = "other";
    route.candidates.push_back(&unknown_[*asked.hinted]);
  }
  if (route.candidates.empty()) {
    if (may_yet_be_had(scope)) return std::unexpected(models_not_known_yet());
    if (found == models_.end() && knows_nobody(asked)) return std::unexpected(nobody_known());
    return std::unexpected(why_none(asked, found == models_.end() ? nullptr : &found->second));
  }
  return route;
}

// Somebody whom nobody has asked yet may answer a request of that scope that names no backend.
bool Router::may_yet_be_had(const KeyScope& scope) const {
  return awaits_models_ && std::ranges::any_of(input_.order, [&](size_t index) {
           const RouterBackend& backend = input_.backends[index];
           return is_awaited(backend) && scope.allows_backend(backend.name);
         });
}

// All who could be asked are down, and have been from the start: that is no word on a model.
bool Router::knows_nobody(const Asked& asked) const {
  const auto is_known = [this](size_t index) {
    return std::ranges::any_of(input_.backends[index].endpoints,
                               &RouterBackend::EndpointModels::known);
  };
  // Whoever is named need not be one of the order.
  if (asked.hinted && is_known(*asked.hinted)) return false;
  bool any = false;
  for (const size_t index : input_.order) {
    const RouterBackend& backend = input_.backends[index];
    if (!asked.scope.allows_backend(backend.name)) continue;
    if (is_known(index)) return false;
    any |= !backend.endpoints.empty();
  }
  return any;
}

Result<std::optional<size_t>> Router::find_hinted(std::string_view backend,
                                                  const KeyScope& scope) const {
  if (backend.empty()) return std::nullopt;
  if (!scope.allows_backend(backend)) {
    return fail(ErrorCode::forbidden, "this API key may not use the backend " + quoted(backend) +
                                          "; it may use " + names(scope));
  }
  const auto found = backends_.find(backend);
  if (found == backends_.end()) {
    return fail(ErrorCode::unknown_backend,
                "unknown backend " + quoted(backend) + "; known: " + names(scope));
  }
  return found->second;
}

// The backends of the scope.
std::string Router::names(const KeyScope& scope) const {
  std::string names;
  for (const RouterBackend& backend : input_.backends) {
    if (!scope.allows_backend(backend.name)) continue;
    if (!names.empty()) names += ", ";
    names += backend.name;
  }
  return names;
}

// A candidate that answers what was asked is there by the name that was asked.
bool Router::within(const KeyScope& scope, const Candidate& candidate) const {
  return scope.allows_backend(input_.backends[candidate.backend].name) &&
         (!candidate.substitute || scope.allows_model(candidate.model));
}

// A hinted backend first, then the others in their order. Weights split who comes first.
void Router::add_named(Route& route, const Entry& entry, const Asked& asked, Random& random) const {
  const std::optional<size_t> hinted = asked.hinted;
  std::vector<double> weights;
  // A substitute answers with another model than asked: a hint does not move it up.
  const auto is_hinted = [&](const Candidate& one) {
    return one.backend == hinted && !one.substitute;
  };
  const auto add = [&](size_t i) {
    if (entry.candidates[i].endpoints.empty() || !within(asked.scope, entry.candidates[i])) return;
    route.candidates.push_back(&entry.candidates[i]);
    weights.push_back(entry.weights[i]);
  };
  for (size_t i = 0; hinted && i < entry.candidates.size(); ++i) {
    if (is_hinted(entry.candidates[i])) add(i);
  }
  // It may well have the model: nobody could ask it yet.
  if (hinted && route.candidates.empty() && !entry.routed && !unknown_[*hinted].endpoints.empty()) {
    route.candidates.push_back(&unknown_[*hinted]);
    weights.push_back(0);
  }
  const size_t hinted_count = route.candidates.size();
  for (size_t i = 0; i < entry.unhinted; ++i) {
    if (!is_hinted(entry.candidates[i])) add(i);
  }
  if (hinted_count != 0) weights.resize(hinted_count);
  pick_first(route.candidates, weights, random);
}

Error Router::why_none(const Asked& asked, const Entry* entry) const {
  const std::string shown = quoted(asked.model);
  if (entry == nullptr) {
    return {ErrorCode::model_not_found,
            "no backend has the model " + shown + "; GET /v1/models lists what there is"};
  }
  std::string owners;
  for (const Candidate& one : entry->candidates) {
    if (!within(asked.scope, one)) continue;
    owners += (owners.empty() ? "" : ", ") + input_.backends[one.backend].name;
  }
  if (owners.empty()) {
    return {ErrorCode::forbidden, "this API key may use no backend that has the model " + shown +
                                      "; GET /v1/models lists what it may use"};
  }
  if (entry->routed) {
    return {ErrorCode::model_not_found, "no backend has what the route " + shown +
                                            " asks it for; correct its candidates under `models`"};
  }
  return {ErrorCode::model_not_found,
          "the model " + shown +
              " is only at backends outside `order`; name one in `backend`: " + owners};
}

// What to say to who names a backend that can not choose one of its models: up to a few of them.
// Empty: it can, or has none that may be asked for, or nobody knows what it has.
std::string Router::models_to_name(const Asked& asked) const {
  constexpr size_t named_max = 5;
  if (!unnamed_[*asked.hinted].model.empty()) return {};
  const RouterBackend& backend = input_.backends[*asked.hinted];
  std::vector<std::string_view> names;
  for (const auto& endpoint : backend.endpoints) {
    for (const std::string_view model : endpoint.models) {
      if (names.size() > named_max) break;
      const bool known = std::ranges::find(names, model) != names.end();
      if (!known && asked.scope.allows_model(model)) names.push_back(model);
    }
  }
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "" : ", ";
    text += i == named_max ? "..." : names[i];
  }
  if (text.empty()) return {};
  return "the backend " + quoted(backend.name) +
         " has no `default_model` and not exactly one chat model; name one of its models in "
         "`model`: " +
         text;
}

// Nobody has named these models, so each has to be one that may be named.
Result<Route> Router::route_unnamed(const Asked& asked) const {
  Route route;
  route.name = "default";
  const auto add = [&](size_t index) {
    const Candidate& one = unnamed_[index];
    if (one.endpoints.empty() || !within(asked.scope, one)) return;
    if (asked.scope.allows_model(one.model)) route.candidates.push_back(&one);
  };
  if (asked.hinted) {
    // Whom the client has named has models, and nobody says which: that another one answers with
    // his own is not what was asked.
    const std::string choice = models_to_name(asked);
    if (!choice.empty()) return fail(ErrorCode::no_model, choice);
    add(*asked.hinted);
  }
  for (const size_t index : input_.order) {
    if (index != asked.hinted) add(index);
  }
  if (route.candidates.empty()) {
    if (may_yet_be_had(asked.scope)) return std::unexpected(models_not_known_yet());
    if (knows_nobody(asked)) return std::unexpected(nobody_known());
    return fail(ErrorCode::no_model,
                "the request names no `model` and no backend has a `default_model` or exactly one "
                "chat model; name one of GET /v1/models");
  }
  return route;
}

}  // namespace rocket
