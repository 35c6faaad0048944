#include "config/discovery.h"

#include <array>

namespace rocket {
namespace {

struct UsualPort {
  std::uint16_t port;
  const char* name;
  BackendKind kind;
};

constexpr std::array usual_ports{
    UsualPort{8001, "vllm", BackendKind::vllm},
    UsualPort{11434, "ollama", BackendKind::ollama},
    UsualPort{1234, "lm-studio", BackendKind::lmstudio},
    UsualPort{8080, "llama-cpp", BackendKind::openai},
};

}  // namespace

Config discovery_config(const ListenAddress& listen, const ListenAddress& admin,
                        const Environment& environment) {
  Config config;
  config.listen = listen;
  config.admin = admin;
  for (const UsualPort& usual : usual_ports) {
    if (usual.port == listen.port || (usual.port == admin.port && admin.unix_path.empty())) {
      continue;
    }
    BackendConfig backend;
    backend.name = usual.name;
    backend.kind = usual.kind;
    backend.urls.push_back(
        {.tls = false, .host = "127.0.0.1", .port = usual.port, .base_path = ""});
    config.order.push_back(backend.name);
    config.backends.push_back(std::move(backend));
  }
  const std::string key_env = "ANTHROPIC_API_KEY";
  if (!environment.variable(key_env).value_or("").empty()) {
    BackendConfig backend;
    backend.name = "anthropic";
    backend.kind = BackendKind::anthropic;
    backend.urls.push_back(
        {.tls = true, .host = "api.anthropic.com", .port = 443, .base_path = ""});
    backend.api_key_env = key_env;
    config.order.push_back(backend.name);
    config.backends.push_back(std::move(backend));
  }
  return config;
}

}  // namespace rocket
