#include "config/api_key.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace rocket {
namespace {

Environment with_variable(std::string value) {
  Environment environment;
  environment.variable = [value](const std::string& name) {
    return name == "KEY" ? std::optional(value) : std::nullopt;
  };
  return environment;
}

Environment with_file(std::string content) {
  Environment environment;
  environment.file = [content](const std::string& path) -> Result<std::string> {
    if (path != "key.txt") return fail(ErrorCode::invalid_field, "can not be read: no such file");
    return content;
  };
  return environment;
}

TEST(ApiKey, ComesFromWhereTheBackendSays) {
  BackendConfig none;
  EXPECT_EQ(load_api_key(none, with_variable("k")), "");
  BackendConfig by_variable;
  by_variable.api_key_env = "KEY";
  EXPECT_EQ(load_api_key(by_variable, with_variable("sk-1")), "sk-1");
  BackendConfig by_file;
  by_file.api_key_file = "key.txt";
  EXPECT_EQ(load_api_key(by_file, with_file("sk-2\n")), "sk-2");
  EXPECT_EQ(load_api_key(by_file, with_file("sk-2\r\n")), "sk-2");
}

TEST(ApiKey, IsRefusedWithoutShowingIt) {
  BackendConfig backend;
  backend.api_key_file = "key.txt";
  for (const std::string_view content :
       {"", "\n", "sk-3 x", " sk-3", "sk-3\nX-Admin: 1", "sk-3\r\n\r\nx", "sk-3\t", "sk-3\x7f",
        "\xef\xbb\xbfsk-3"}) {
    const Result<std::string> key = load_api_key(backend, with_file(std::string(content)));
    ASSERT_FALSE(key) << content;
    EXPECT_EQ(key.error().detail.find("sk-3"), std::string::npos) << key.error().detail;
  }
}

TEST(ApiKey, MissingIsAnErrorWithoutTheName) {
  // Someone may have written the key itself where its name belongs.
  BackendConfig by_variable;
  by_variable.api_key_env = "sk-4";
  EXPECT_EQ(load_api_key(by_variable, with_variable("k")).error().detail,
            "the environment variable is not set");
  BackendConfig by_file;
  by_file.api_key_file = "sk-4";
  EXPECT_EQ(load_api_key(by_file, with_file("k")).error().detail,
            "the file can not be read: no such file");
  BackendConfig both;
  both.api_key_env = "KEY";
  both.api_key_file = "key.txt";
  EXPECT_FALSE(load_api_key(both, with_variable("k")));
}

}  // namespace
}  // namespace rocket
