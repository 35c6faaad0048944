#include "config/check_backends.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/api_key.h"
#include "config/name.h"
#include "config/nearest.h"
#include "config/url.h"

namespace rocket {

namespace {

constexpr size_t route_name_bytes_max = 256;

// Whether a connection to `url` would arrive at the socket that `address` names.
bool reaches(const EndpointUrl& url, const ListenAddress& address) {
  if (!address.unix_path.empty() || url.port != address.port) return false;
  const bool any_host = url.host == "localhost" || url.host == "0.0.0.0" || url.host == "::";
  if (address.host == "0.0.0.0" || address.host == "::") return any_host || loopback_host(url.host);
  return url.host == address.host || (any_host && address.loopback());
}

// What is left out is no limit, and 0 must not be one either.
void check_in_flight(std::optional<std::uint32_t> in_flight, const std::string& path,
                     Problems& problems) {
  if (in_flight != 0U) return;
  problems.add(path, "0 lets nothing through", "give more, or remove it for no limit");
}

class BackendCheck {
 public:
  BackendCheck(const Config& config, const Environment& environment, Problems& problems)
      : config_(config), environment_(environment), problems_(problems) {}

  void check(size_t index) {
    const BackendConfig& backend = config_.backends[index];
    const std::string path = element_path("backends", index);
    check_name(index, path + ".name");
    check_urls(backend, path + ".urls");
    check_api_key(backend, path);
    check_ca_file(backend, path + ".ca_file");
    check_health_path(backend, path + ".health_path");
    check_in_flight(backend.in_flight, path + ".in_flight", problems_);
  }

 private:
  void check_name(size_t index, const std::string& path) {
    const std::string& name = config_.backends[index].name;
    if (problems_.unread(path)) return;
    if (name.empty()) {
      problems_.add(path, "missing", "give the backend a name");
    } else if (!is_name(name)) {
      problems_.add(path, in_quotes(name) + " is not a name", std::string(name_remedy));
    } else if (const auto [first, added] = indexes_.emplace(name, index); !added) {
      problems_.add(path,
                    fmt::format("{} is already the name of {}", in_quotes(name),
                                element_path("backends", first->second)),
                    "give each backend a name of its own");
    }
  }

  void check_urls(const BackendConfig& backend, const std::string& path) {
    if (backend.urls.empty() && !problems_.unread(path)) {
      problems_.add(path, "missing", "give the URL of at least one endpoint");
    }
    std::map<std::string, size_t> indexes;
    for (size_t i = 0; i < backend.urls.size(); ++i) {
      const EndpointUrl& url = backend.urls[i];
      const std::string place = element_path(path, i);
      if (url.host.empty()) continue;  // the reader has complained
      check_not_ourselves(url, place);
      check_no_operation(url, place);
      if (const auto [first, added] = indexes.emplace(url.to_string(), i); !added) {
        problems_.add(place, "is the same as " + element_path(path, first->second),
                      "name each endpoint once");
      }
    }
  }

  void check_not_ourselves(const EndpointUrl& url, const std::string& path) {
    for (const ListenAddress& address :
         {config_.listen, config_.admin, config_.metrics_listen.value_or(config_.admin)}) {
      if (!reaches(url, address)) continue;
      problems_.add(path, "is Rocket's own address: it would call itself",
                    "give the port of the model server");
      return;
    }
  }

  // As whoever has copied the address of an example call gives it.
  void check_no_operation(const EndpointUrl& url, const std::string& path) {
    constexpr std::array<std::string_view, 9> operations{
        "/chat/completions", "/completions", "/embeddings", "/models",      "/messages",
        "/responses",        "/api/chat",    "/api/tags",   "/api/generate"};
    for (const std::string_view operation : operations) {
      if (!url.base_path.ends_with(operation)) continue;
      problems_.add(path, fmt::format("ends in {}, which each request brings itself", operation),
                    "end it before /v1 or /api");
      return;
    }
  }

  void check_api_key(const BackendConfig& backend, const std::string& path) {
    if (!backend.api_key_env.empty() && !backend.api_key_file.empty()) {
      problems_.add(path + ".api_key_file", "given besides api_key_env", "remove one of the two");
      return;
    }
    const Result<std::string> key = load_api_key(backend, environment_);
    if (key) return;
    if (backend.api_key_env.empty()) {
      problems_.add(path + ".api_key_file", key.error().detail,
                    "let the file hold the key and nothing else, or remove api_key_file");
    } else {
      problems_.add(path + ".api_key_env", key.error().detail,
                    "set the variable that it names to the key, or remove api_key_env");
    }
  }

  void check_ca_file(const BackendConfig& backend, const std::string& path) {
    if (backend.ca_file.empty()) return;
    const bool used = std::ranges::any_of(
        backend.urls, [](const EndpointUrl& url) { return url.tls || url.host.empty(); });
    if (!used) {
      problems_.add(path, "no URL of this backend is https://", "use https://, or remove ca_file");
    }
    const Result<std::string> content = environment_.file(backend.ca_file);
    if (content && content->contains("CERTIFICATE-----")) return;
    const std::string fault = content ? "holds no PEM certificate" : content.error().detail;
    problems_.add(path, in_quotes(backend.ca_file) + ' ' + fault,
                  "name a PEM file that Rocket may read");
  }

  void check_health_path(const BackendConfig& backend, const std::string& path) {
    if (backend.health_path.empty()) return;
    if (backend.kind != BackendKind::openai) {
      problems_.add(path, "only kind openai has it", "remove it");
    }
    const bool plain = std::ranges::all_of(
        backend.health_path, [](char c) { return c > ' ' && c < '\x7f' && c != '#'; });
    if (!backend.health_path.starts_with('/') || !plain) {
      problems_.add(path, in_quotes(backend.health_path) + " is not a path", "write it as /health");
    }
  }

  const Config& config_;
  const Environment& environment_;
  Problems& problems_;
  std::map<std::string_view, size_t> indexes_;
};

// Whom `order` and routes may name.
class BackendNames {
 public:
  explicit BackendNames(const Config& config) {
    for (size_t i = 0; i < config.backends.size(); ++i) {
      const std::string& name = config.backends[i].name;
      if (indexes_.emplace(name, i).second && is_name(name)) names_.push_back(name);
    }
  }

  // The backend's index; complains if there is none.
  std::optional<size_t> find(const std::string& name, const std::string& path,
                             Problems& problems) const {
    const auto found = indexes_.find(name);
    if (found != indexes_.end()) return found->second;
    problems.add(path, "no backend is called " + in_quotes(name), suggestion(name, names_));
    return std::nullopt;
  }

 private:
  std::vector<std::string_view> names_;  // those worth suggesting
  std::map<std::string_view, size_t> indexes_;
};

void check_weights(std::span<const CandidateConfig> candidates, const std::string& path,
                   Problems& problems) {
  constexpr double weight_max = 1e6;
  const bool weighted = std::ranges::any_of(
      candidates, [](const auto& candidate) { return candidate.weight.value_or(0) > 0; });
  for (size_t i = 0; i < candidates.size(); ++i) {
    const std::optional<double> weight = candidates[i].weight;
    const std::string place = element_path(path, i) + ".weight";
    if (weight && (*weight < 0 || *weight > weight_max)) {
      problems.add(place, fmt::format("{} is out of range", *weight), "give 0 to 1000000");
    } else if (weighted && !weight && !problems.unread(place)) {
      problems.add(place, "missing, while other candidates of this route have a weight",
                   "give every candidate a weight (0: only when the others can not answer), or "
                   "none");
    }
  }
}

class RouteCheck {
 public:
  RouteCheck(const Config& config, Problems& problems)
      : config_(config), names_(config), problems_(problems) {}

  void check(const std::string& name, const RouteConfig& route) {
    const std::string path = member_path("models", name);
    if (name.empty()) problems_.add(path, "a route without a name", "name it");
    if (name.size() > route_name_bytes_max) {
      problems_.add(path, "a name of more than 256 bytes", "shorten it");
    }
    const std::string candidates_path = path + ".candidates";
    if (route.candidates.empty() && !problems_.unread(candidates_path)) {
      problems_.add(candidates_path, "no candidates",
                    "name at least one, such as {backend: NAME, model: NAME}");
    }
    check_in_flight(route.in_flight, path + ".in_flight", problems_);
    check_weights(route.candidates, candidates_path, problems_);
    for (size_t i = 0; i < route.candidates.size(); ++i) {
      check_candidate(route.candidates[i], element_path(candidates_path, i));
    }
  }

 private:
  void check_candidate(const CandidateConfig& candidate, const std::string& path) {
    const std::string backend_path = path + ".backend";
    if (problems_.unread(backend_path)) return;
    if (candidate.backend.empty()) {
      problems_.add(backend_path, "missing", "name a backend");
      return;
    }
    const std::optional<size_t> index = names_.find(candidate.backend, backend_path, problems_);
    if (!index || !candidate.model.empty()) return;
    if (!config_.backends[*index].default_model.empty()) return;
    const std::string default_path = element_path("backends", *index) + ".default_model";
    if (problems_.unread(path + ".model") || problems_.unread(default_path)) return;
    problems_.add(
        path + ".model",
        fmt::format("missing, and backend {} has no default_model", in_quotes(candidate.backend)),
        "name the model, or give the backend a default_model");
  }

  const Config& config_;
  const BackendNames names_;
  Problems& problems_;
};

void check_key_backends(const KeyConfig& key, const std::string& path, const BackendNames& names,
                        Problems& problems) {
  for (size_t i = 0; i < key.backends.size(); ++i) {
    const std::string place = element_path(path + ".backends", i);
    if (!problems.unread(place)) static_cast<void>(names.find(key.backends[i], place, problems));
  }
}

}  // namespace

void check_backends(const Config& config, const Environment& environment, Problems& problems) {
  if (config.backends.empty() && !problems.unread("backends")) {
    problems.add("backends", "missing",
                 "name at least one, such as {name: ollama, kind: ollama, urls: "
                 "[\"http://127.0.0.1:11434\"]}");
  }
  BackendCheck backend_check(config, environment, problems);
  for (size_t i = 0; i < config.backends.size(); ++i)
    backend_check.check(i);
}

void check_order(const Config& config, Problems& problems) {
  const BackendNames names(config);
  std::map<std::string_view, size_t> indexes;
  for (size_t i = 0; i < config.order.size(); ++i) {
    const std::string path = element_path("order", i);
    if (problems.unread(path) || !names.find(config.order[i], path, problems)) continue;
    if (const auto [first, added] = indexes.emplace(config.order[i], i); !added) {
      problems.add(path, "is the same as " + element_path("order", first->second),
                   "name each backend once");
    }
  }
}

void check_key_backends(const Config& config, Problems& problems) {
  const BackendNames names(config);
  const std::vector<KeyConfig>& keys = config.keys_file.keys;
  for (size_t i = 0; i < keys.size(); ++i)
    check_key_backends(keys[i], element_path("keys_file", i), names, problems);
}

void check_routes(const Config& config, Problems& problems) {
  RouteCheck route_check(config, problems);
  for (const auto& [name, route] : config.models)
    route_check.check(name, route);
}

}  // namespace rocket
