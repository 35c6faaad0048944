#include "config/settings.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/yaml_reader.h"
#include "config/yaml_tree.h"
#include "config/yaml_writer.h"

namespace rocket {
namespace {

struct Anything {
  template <class T>
  operator T() const {  // NOLINT(google-explicit-constructor)
    return T();
  }
};

// How many members an aggregate has: as many as it can be initialised with.
template <class T, class... Members>
consteval size_t member_count() {
  if constexpr (requires { T{Members{}..., Anything{}}; }) {
    return member_count<T, Members..., Anything>();
  } else {
    return sizeof...(Members);
  }
}

template <class T>
size_t field_count() {
  size_t count = 0;
  T settings;
  T::fields(settings, [&](auto&&...) { ++count; });
  return count;
}

// Calls visit(name, settings) with one object of each struct that the Config is made of.
void for_each_struct(auto&& visit) {
  visit("Config", Config{});
  visit("BackendConfig", BackendConfig{});
  visit("CandidateConfig", CandidateConfig{});
  visit("RouteConfig", RouteConfig{});
  visit("TimeoutsConfig", TimeoutsConfig{});
  visit("HealthConfig", HealthConfig{});
  visit("OutlierConfig", OutlierConfig{});
  visit("RetryConfig", RetryConfig{});
  visit("LimitsConfig", LimitsConfig{});
  visit("ResponsesConfig", ResponsesConfig{});
  visit("StoreConfig", StoreConfig{});
  visit("BatchConfig", BatchConfig{});
  visit("DrainConfig", DrainConfig{});
  visit("CorsConfig", CorsConfig{});
  visit("MediaConfig", MediaConfig{});
  visit("TlsConfig", TlsConfig{});
  visit("OtlpConfig", OtlpConfig{});
  visit("KeyConfig", KeyConfig{});
}

TEST(Settings, FieldsNameEveryMember) {
  for_each_struct([](std::string_view name, const auto& settings) {
    using T = std::remove_cvref_t<decltype(settings)>;
    // BackendConfig::head_lines is none: no file sets it.
    const std::size_t others = std::is_same_v<T, BackendConfig> ? 1 : 0;
    EXPECT_EQ(field_count<T>() + others, (member_count<T>())) << name;
  });
}

// Another value than the default, of every member down to the last.
void change(bool& value) {
  value = !value;
}
void change(std::uint32_t& value) {
  value += 7;
}
void change(double& value) {
  value += 0.125;
}
void change(std::string& value) {
  value += "a \"b\" \\c: #d";
}
void change(Duration& value) {
  value += 1250us;
}
void change(ByteSize& value) {
  value.bytes += 1536;
}
void change(ListenAddress& value) {
  value.port = static_cast<std::uint16_t>(value.port + 1);
}
void change(std::optional<ListenAddress>& value) {
  value = ListenAddress{"0.0.0.0", 9464, ""};
}
void change(EndpointUrl& value) {
  value = {true, "::1", 8443, "/base"};
}
void change(std::optional<double>& value) {
  value = 2.5;
}
void change(std::optional<std::uint32_t>& value) {
  value = 7;
}
void change(std::optional<MediaUrls>& value) {
  value = MediaUrls::fetch;
}
void change(Sha256& value) {
  value.fill(0xa5);
}
void change(MediaUrls& value) {
  value = MediaUrls::fetch;
}
void change(Lane& value) {
  value = Lane::batch;
}
void change(LineEngine& value) {
  value = LineEngine::ray;
}
void change(NativeApi& value) {
  value = NativeApi::count_tokens;
}
void change(KeysFile& value) {
  value.path += "keys.yaml";
}
void change(BackendKind& value) {
  value = BackendKind::lmstudio;
}
template <class T>
void change(std::vector<T>& values);
void change(std::map<std::string, RouteConfig>& routes);
template <Settings T>
void change(T& settings) {
  T::fields(settings, [](std::string_view, auto& member, std::string_view) { change(member); });
}
template <class T>
void change(std::vector<T>& values) {
  for (T& value : values = std::vector<T>(2))
    change(value);
}
void change(std::map<std::string, RouteConfig>& routes) {
  change(routes["llama3:8b \"x\""]);
}

template <Settings T>
std::vector<std::string> values_of(const T& settings) {
  std::vector<std::string> values;
  T::fields(settings, [&](std::string_view, const auto& member, std::string_view) {
    values.push_back(to_yaml(member));
  });
  return values;
}

TEST(Settings, ChangeChangesEveryOne) {
  for_each_struct([](std::string_view name, auto settings) {
    const std::vector<std::string> before = values_of(settings);
    change(settings);
    const std::vector<std::string> after = values_of(settings);
    for (size_t i = 0; i < before.size(); ++i)
      EXPECT_NE(before[i], after[i]) << name;
  });
}

TEST(Settings, EveryOneCanBeSet) {
  Config changed;
  change(changed);
  const auto document = parse_yaml(to_yaml(changed));
  ASSERT_TRUE(document) << format_problem(document.error()[0]);
  Config read;
  Problems problems;
  read_settings(*document, read, problems);
  for (const Problem& problem : problems.take())
    ADD_FAILURE() << format_problem(problem);
  EXPECT_EQ(to_yaml(read), to_yaml(changed));
}

TEST(Settings, EveryOneOfAKeyCanBeSet) {
  std::vector<KeyConfig> changed;
  change(changed);
  const auto document = parse_yaml(to_yaml(changed));
  ASSERT_TRUE(document) << format_problem(document.error()[0]);
  std::vector<KeyConfig> read;
  Problems problems;
  read_settings(*document, read, problems);
  for (const Problem& problem : problems.take())
    ADD_FAILURE() << format_problem(problem);
  EXPECT_EQ(read, changed);
}

}  // namespace
}  // namespace rocket
