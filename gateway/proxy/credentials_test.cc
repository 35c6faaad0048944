#include "proxy/credentials.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace rocket {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string shown(const Lines& lines) {
  HeaderList headers;
  for (const auto& [name, value] : lines)
    headers.add(name, value);
  const auto key = presented_key(headers);
  return key ? std::string(*key) : std::string(to_string(key.error().code));
}

TEST(Credentials, OneKeyIsRead) {
  const struct {
    const char* name;
    Lines lines;
    std::string key;
  } cases[] = {
      {"none", {{"host", "h"}}, ""},
      {"bearer", {{"Authorization", "Bearer k"}}, "k"},
      {"the scheme in any case", {{"authorization", "bEARER k"}}, "k"},
      {"spaces between", {{"authorization", "Bearer   k"}}, "k"},
      {"spaces inside", {{"authorization", "Bearer k l"}}, "k l"},
      {"a scheme alone", {{"authorization", "Bearer"}}, ""},
      {"a scheme and a space", {{"authorization", "Bearer "}}, ""},
      {"nothing between", {{"authorization", "Bearerk"}}, ""},
      {"a tab between", {{"authorization", "Bearer\tk"}}, ""},
      {"another scheme", {{"authorization", "Basic a2V5"}}, ""},
      {"a bare key", {{"authorization", "k"}}, ""},
      {"nothing at all", {{"authorization", ""}}, ""},
      {"x-api-key", {{"X-Api-Key", "k"}}, "k"},
      {"an empty x-api-key", {{"x-api-key", ""}}, ""},
      {"both, the same", {{"x-api-key", "k"}, {"authorization", "Bearer k"}}, "k"},
      {"both, different", {{"x-api-key", "k"}, {"authorization", "Bearer l"}}, "bad_request"},
      {"both, one empty", {{"x-api-key", ""}, {"authorization", "Bearer l"}}, "l"},
      {"both, one of another scheme", {{"x-api-key", "k"}, {"authorization", "Basic l"}}, "k"},
      {"two lines", {{"authorization", "Bearer k"}, {"authorization", "Bearer l"}}, "bad_request"},
      {"two x-api-keys", {{"x-api-key", "k"}, {"x-api-key", "l"}}, "bad_request"},
      {"two lines, the same", {{"authorization", "Bearer k"}, {"authorization", "bearer k"}}, "k"},
      {"another header", {{"api-key", "k"}, {"proxy-authorization", "Bearer k"}}, ""},
  };
  for (const auto& c : cases)
    EXPECT_EQ(shown(c.lines), c.key) << c.name;
}

}  // namespace
}  // namespace rocket
