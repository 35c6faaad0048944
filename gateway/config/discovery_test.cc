#include "config/discovery.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(Discovery, ConfiguresTheUsualPortsInOrder) {
  const Config config = discovery_config({"127.0.0.1", 8000, ""}, {"127.0.0.1", 8090, ""});
  EXPECT_EQ(config.order, (std::vector<std::string>{"vllm", "ollama", "lm-studio", "llama-cpp"}));
  ASSERT_EQ(config.backends.size(), 4U);
  EXPECT_EQ(config.backends[0].urls[0].to_string(), "http://127.0.0.1:8001");
  EXPECT_EQ(config.backends[1].kind, BackendKind::ollama);
  EXPECT_EQ(config.backends[3].urls[0].to_string(), "http://127.0.0.1:8080");
}

TEST(Discovery, NeverFindsItself) {
  const Config config = discovery_config({"127.0.0.1", 8080, ""}, {"127.0.0.1", 1234, ""});
  EXPECT_EQ(config.order, (std::vector<std::string>{"vllm", "ollama"}));
}

TEST(Discovery, AnAdminSocketHidesNoPort) {
  const Config config = discovery_config({"127.0.0.1", 8000, ""}, {"", 1234, "/run/rocket"});
  EXPECT_EQ(config.order.size(), 4U);
}

}  // namespace
}  // namespace rocket
