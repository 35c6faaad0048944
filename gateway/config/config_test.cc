#include "config/config.h"

#include <gtest/gtest.h>

#include <string_view>

namespace rocket {
namespace {

TEST(EndpointUrl, NamesItsHostAsTheHeaderDoes) {
  struct Case {
    EndpointUrl url;
    std::string_view authority;
    std::string_view text;
  };
  const Case cases[] = {
      {{false, "h", 80, ""}, "h", "http://h"},
      {{false, "h", 443, ""}, "h:443", "http://h:443"},
      {{true, "h", 443, "/b"}, "h", "https://h/b"},
      {{true, "h", 80, ""}, "h:80", "https://h:80"},
      {{false, "::1", 8000, "/b"}, "[::1]:8000", "http://[::1]:8000/b"},
      {{true, "::1", 443, ""}, "[::1]", "https://[::1]"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(c.url.authority(), c.authority);
    EXPECT_EQ(c.url.to_string(), c.text);
  }
}

BackendConfig backend(std::string name, BackendKind kind) {
  BackendConfig config;
  config.name = std::move(name);
  config.kind = kind;
  return config;
}

TEST(DefaultOrder, GoesByKindAndThenAsListed) {
  Config config;
  EXPECT_TRUE(default_order(config).empty());
  config.backends = {backend("z", BackendKind::openai),  backend("studio", BackendKind::lmstudio),
                     backend("o2", BackendKind::ollama), backend("a", BackendKind::openai),
                     backend("v", BackendKind::vllm),    backend("o1", BackendKind::ollama)};
  EXPECT_EQ(default_order(config), (std::vector<std::string>{"v", "o2", "o1", "studio", "z", "a"}));
}

}  // namespace
}  // namespace rocket
