#include "config/discovery.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

Environment environment_with(std::optional<std::string> key) {
  Environment environment;
  environment.variable = [key = std::move(key)](const std::string& name) {
    return name == "ANTHROPIC_API_KEY" ? key : std::nullopt;
  };
  return environment;
}

TEST(Discovery, AnthropicIsThereWithAKeyAndComesLast) {
  const ListenAddress listen{"127.0.0.1", 8000, ""};
  const ListenAddress admin{"127.0.0.1", 8090, ""};
  const Config config = discovery_config(listen, admin, environment_with("sk-ant-1"));
  ASSERT_EQ(config.order.back(), "anthropic");
  EXPECT_EQ(config.backends.back().urls[0].to_string(), "https://api.anthropic.com");
  EXPECT_EQ(config.backends.back().api_key_env, "ANTHROPIC_API_KEY");
  for (const auto& none : {std::optional<std::string>(), std::optional<std::string>("")}) {
    EXPECT_EQ(discovery_config(listen, admin, environment_with(none)).order.size(), 4U);
  }
}

TEST(Discovery, ConfiguresTheUsualPortsInOrder) {
  const Config config = discovery_config({"127.0.0.1", 8000, ""}, {"127.0.0.1", 8090, ""},
                                         environment_with(std::nullopt));
  EXPECT_EQ(config.order, (std::vector<std::string>{"vllm", "ollama", "lm-studio", "llama-cpp"}));
  ASSERT_EQ(config.backends.size(), 4U);
  EXPECT_EQ(config.backends[0].urls[0].to_string(), "http://127.0.0.1:8001");
  EXPECT_EQ(config.backends[1].kind, BackendKind::ollama);
  EXPECT_EQ(config.backends[3].urls[0].to_string(), "http://127.0.0.1:8080");
}

TEST(Discovery, NeverFindsItself) {
  const Config config = discovery_config({"127.0.0.1", 8080, ""}, {"127.0.0.1", 1234, ""},
                                         environment_with(std::nullopt));
  EXPECT_EQ(config.order, (std::vector<std::string>{"vllm", "ollama"}));
}

TEST(Discovery, AnAdminSocketHidesNoPort) {
  const Config config = discovery_config({"127.0.0.1", 8000, ""}, {"", 1234, "/run/rocket"},
                                         environment_with(std::nullopt));
  EXPECT_EQ(config.order.size(), 4U);
}

}  // namespace
}  // namespace rocket
