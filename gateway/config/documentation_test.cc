#include "config/documentation.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "config/read_config.h"
#include "config/settings.h"

namespace rocket {
namespace {

// The lines of the section "## TITLE".
std::string section_of(const std::string& markdown, const std::string& title) {
  const size_t begin = markdown.find("\n## " + title + "\n");
  if (begin == std::string::npos) return "";
  return markdown.substr(begin, markdown.find("\n## ", begin + 1) - begin);
}

template <Settings T>
void expect_every_setting(const std::string& title) {
  const std::string section = section_of(documentation_markdown(), title);
  const T settings;
  T::fields(settings, [&](std::string_view key, const auto&, std::string_view meaning) {
    EXPECT_TRUE(section.contains("\n| `" + std::string(key) + "` | ")) << title << ' ' << key;
    EXPECT_TRUE(section.contains(" | " + std::string(meaning) + " |\n")) << title << ' ' << key;
  });
}

// What people are told to write where a kind is expected follows the kinds.
TEST(Documentation, NamesEveryKindOfBackend) {
  const std::string section = section_of(documentation_markdown(), "`backends[]`");
  const auto reading = read_config("backends: [{name: a, kind: x, urls: [\"http://h\"]}]");
  ASSERT_EQ(reading.problems.size(), 1U);
  for (const BackendKind kind : all_backend_kinds) {
    const std::string name(to_string(kind));
    EXPECT_TRUE(section.contains('`' + name + '`')) << name << ": its line in config.h";
    EXPECT_TRUE(reading.problems[0].remedy.contains(name))
        << name << ": its line in yaml_reader.cc";
  }
}

TEST(Documentation, HasEverySettingInItsSection) {
  expect_every_setting<Config>("Top level");
  expect_every_setting<BackendConfig>("`backends[]`");
  expect_every_setting<RouteConfig>("`models.NAME`");
  expect_every_setting<CandidateConfig>("`models.NAME.candidates[]`");
  expect_every_setting<TimeoutsConfig>("`timeouts`");
  expect_every_setting<HealthConfig>("`health`");
  expect_every_setting<RetryConfig>("`retry`");
  expect_every_setting<LimitsConfig>("`limits`");
  expect_every_setting<StoreConfig>("`store`");
  expect_every_setting<BatchConfig>("`batch`");
  expect_every_setting<DrainConfig>("`drain`");
  expect_every_setting<CorsConfig>("`cors`");
  expect_every_setting<TlsConfig>("`tls`");
  expect_every_setting<KeyConfig>("`keys_file[]`");
}

TEST(Documentation, HasTypesAndDefaults) {
  const std::string markdown = documentation_markdown();
  for (const std::string_view row : {
           "| `listen` | address | `127.0.0.1:8000` |",
           "| `threads` | whole number | `1` |",
           "| `backends` | list of settings | none |",
           "| `order` | list of text | none |",
           "| `models` | settings by name | none |",
           "| `timeouts` | settings | below |",
           "| `first_token` | duration | `1m` |",
           "| `jitter` | number | `0.2` |",
           "| `body_bytes` | size | `100MiB` |",
           "| `mark_backend` | `true` or `false` | `true` |",
           "| `urls` | list of URL | none |",
           "| `kind` | kind | `openai` |",
           "| `keys_file` | file | none |",
           "| `hash` | hash | none |",
           "| `lane` | lane | `normal` |",
           "| `rpm` | whole number | none |",
       }) {
    EXPECT_TRUE(markdown.contains(row)) << row;
  }
}

TEST(Documentation, HasAnExampleThatWorks) {
  const std::string markdown = documentation_markdown();
  const std::string_view fence = "\n```yaml\n";
  const size_t begin = markdown.find(fence) + fence.size();
  const ConfigReading reading =
      read_config(std::string_view(markdown).substr(begin, markdown.find("\n```\n") - begin));
  for (const Problem& problem : reading.problems)
    ADD_FAILURE() << format_problem(problem);
  EXPECT_EQ(reading.config.models.size(), 2U);
}

}  // namespace
}  // namespace rocket
