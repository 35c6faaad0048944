#include "config/config.h"

#include "config/url.h"

namespace rocket {

namespace {

std::string bracketed(const std::string& host) {
  return host.contains(':') ? '[' + host + ']' : host;
}

}  // namespace

bool ListenAddress::loopback() const {
  return !unix_path.empty() || loopback_host(host);
}

std::string ListenAddress::to_string() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  return bracketed(host) + ':' + std::to_string(port);
}

std::string EndpointUrl::authority() const {
  const bool implied = port == (tls ? 443 : 80);
  return implied ? bracketed(host) : bracketed(host) + ':' + std::to_string(port);
}

std::string EndpointUrl::to_string() const {
  return (tls ? "https://" : "http://") + authority() + base_path;
}

std::vector<std::string> default_order(const Config& config) {
  std::vector<std::string> names;
  for (const BackendKind kind : all_backend_kinds) {
    for (const BackendConfig& backend : config.backends) {
      if (backend.kind == kind) names.push_back(backend.name);
    }
  }
  return names;
}

}  // namespace rocket
