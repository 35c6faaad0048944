#include "config/yaml_writer.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace rocket {
namespace {

TEST(YamlWriter, WritesFlowStyle) {
  EXPECT_EQ(to_yaml(true), "true");
  EXPECT_EQ(to_yaml(std::uint32_t{7}), "7");
  EXPECT_EQ(to_yaml(0.2), "0.2");
  EXPECT_EQ(to_yaml(Duration(90s)), "90s");
  EXPECT_EQ(to_yaml(64_KiB), "64KiB");
  EXPECT_EQ(to_yaml(BackendKind::vllm), "vllm");
  EXPECT_EQ(to_yaml(std::string("a \"b\" \\")), R"("a \"b\" \\")");
  EXPECT_EQ(to_yaml(ListenAddress{"::1", 8000, ""}), "\"[::1]:8000\"");
  EXPECT_EQ(to_yaml(EndpointUrl{true, "h", 443, "/b"}), "\"https://h/b\"");
  EXPECT_EQ(to_yaml(std::vector<std::string>{"a", "b"}), R"(["a", "b"])");
  EXPECT_EQ(to_yaml(std::vector<std::string>{}), "[]");
  EXPECT_EQ(to_yaml(DrainConfig{}), "{lame_duck: 0s, timeout: 30s}");
  EXPECT_EQ(to_yaml(std::map<std::string, RouteConfig>{{"m:1", {}}}),
            R"({"m:1": {candidates: [], substitute: false}})");
}

}  // namespace
}  // namespace rocket
