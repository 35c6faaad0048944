#include "config/keys_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/read_config_test.h"

namespace rocket {
namespace {

// The hash that is all `digit`s.
std::string hash(char digit) {
  return "sha256:" + std::string(64, digit);
}

std::string entry(const std::string& name, char digit, const std::string& more = "") {
  return fmt::format("- {{name: {}, hash: \"{}\"{}}}\n", name, hash(digit), more);
}

std::vector<std::string> problems_in(std::string_view text) {
  Problems problems;
  static_cast<void>(read_keys(text, problems));
  std::vector<std::string> lines;
  for (const Problem& problem : problems.take())
    lines.push_back(format_problem(problem));
  return lines;
}

std::vector<KeyConfig> keys_in(std::string_view text) {
  Problems problems;
  std::vector<KeyConfig> keys = read_keys(text, problems);
  for (const Problem& problem : problems.take())
    ADD_FAILURE() << format_problem(problem) << "\n" << text;
  return keys;
}

TEST(KeysFile, HashesHaveOneSpelling) {
  const std::string text = "sha256:00ff10a5" + std::string(56, '7');
  const auto parsed = parse_key_hash(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(key_hash_text(*parsed), text);
  EXPECT_EQ(parse_key_hash("sha256:00FF10A5" + std::string(56, '7')), parsed);
  for (const std::string& bad : std::vector<std::string>{
           std::string(), std::string(64, '0'), hash('0') + "0", hash('g'), hash('0').substr(0, 70),
           "SHA256:" + std::string(64, '0'), "sha512:" + std::string(64, '0')}) {
    EXPECT_EQ(parse_key_hash(bad), std::nullopt) << bad;
  }
}

TEST(KeysFile, ReadsEverySetting) {
  const auto keys =
      keys_in(entry("a", '1') + entry("b.2", '2',
                                      ", lane: batch, models: [fast, \"qwen*\"], backends: [vllm], "
                                      "rpm: 60, tpm: 100000, concurrent: 4"));
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].name, "a");
  EXPECT_EQ(keys[0].lane, Lane::normal);
  EXPECT_TRUE(keys[0].models.empty() && keys[0].backends.empty());
  EXPECT_EQ(keys[0].rpm, std::nullopt);
  EXPECT_EQ(key_hash_text(keys[1].hash), hash('2'));
  EXPECT_EQ(keys[1].lane, Lane::batch);
  EXPECT_EQ(keys[1].models, (std::vector<std::string>{"fast", "qwen*"}));
  EXPECT_EQ(keys[1].backends, (std::vector<std::string>{"vllm"}));
  EXPECT_EQ(keys[1].rpm, 60U);
  EXPECT_EQ(keys[1].tpm, 100'000U);
  EXPECT_EQ(keys[1].concurrent, 4U);
  EXPECT_TRUE(keys_in("").empty());
  EXPECT_TRUE(keys_in("# nobody yet\n").empty());
  EXPECT_TRUE(keys_in("[]").empty());
}

TEST(KeysFile, ExplainsWhatIsWrong) {
  const std::string not_hash =
      "keys_file[0].hash: is not sha256: and 64 hexadecimal digits; let `rocket key new` write it; "
      "never put the key itself here";
  const std::string key = "rk-" + std::string(43, 'x');
  const std::string key_entry = "- " + key;
  const std::string key_for_lane = "- {lane: " + key + ", name: a, hash: \"" + hash('1') + "\"}";
  const ProblemCase cases[] = {
      {key_entry,
       {"keys_file[0]: expected keys and values, found \"[key]\"; write them as {key: value}"}},
      {key_for_lane,
       {"keys_file[0].lane: expected a lane, found \"[key]\"; write interactive, normal or batch"}},
      {"- {name: a}", {"keys_file[0].hash: missing; let `rocket key new` write the entry"}},
      {"- {name: a, hash: rk-secret}", {not_hash}},
      {"- {name: a, hash: [rk-secret]}",
       {"keys_file[0].hash: expected sha256: and 64 hexadecimal digits, found a list; let `rocket "
        "key new` write it; never put the key itself here"}},
      {"- {name: a, key: rk-secret}",
       {"keys_file[0].key: unknown key; known here: name, hash, lane, models, backends, rpm, tpm, "
        "concurrent",
        "keys_file[0].hash: missing; let `rocket key new` write the entry"}},
      {"- {nmae: a}",
       {"keys_file[0].nmae: unknown key; did you mean \"name\"?",
        "keys_file[0].name: missing; give the key a name",
        "keys_file[0].hash: missing; let `rocket key new` write the entry"}},
      {"{name: a}", {"keys_file: expected a list, found keys and values; write it as [A, B]"}},
      {"- a\n- [",
       {"keys_file: line 2, column 1: not YAML: end of sequence flow not found; mend it there"}},
  };
  for (const ProblemCase& c : cases)
    EXPECT_EQ(problems_in(c.yaml), c.problems) << c.yaml;
  const struct {
    std::string text;
    std::string problem;
  } more[] = {
      {entry("a", '1') + entry("a", '2'),
       "keys_file[1].name: \"a\" is already the name of keys_file[0]; give each key a name of its "
       "own"},
      {entry("a", '1') + entry("b", '1'),
       "keys_file[1].hash: is the same as that of keys_file[0]; keep one of the two entries"},
      {entry("a b", '1'),
       "keys_file[0].name: \"a b\" is not a name; take 1 to 64 letters, digits, dots, underscores "
       "and hyphens"},
      {entry("rk-abcdefgh", '1'),
       "keys_file[0].name: begins as keys do: a name is no secret; take another, and if it was a "
       "key, make a new one"},
      {entry("a", '1', ", lane: urgent"),
       "keys_file[0].lane: expected a lane, found \"urgent\"; write interactive, normal or batch"},
      {entry("a", '1', ", models: [\"\"]"),
       "keys_file[0].models[0]: is empty, which is the name of no model; name a model, or remove "
       "it"},
      {entry("a", '1', ", rpm: 0"),
       "keys_file[0].rpm: 0 lets nothing through; remove it for no limit, or remove the key to "
       "lock it out"},
      {entry("a", '1', ", tpm: 1.5"),
       "keys_file[0].tpm: expected a whole number, found \"1.5\"; write it in digits, without "
       "quotes"},
  };
  for (const auto& c : more)
    EXPECT_EQ(problems_in(c.text), (std::vector<std::string>{c.problem})) << c.text;
}

TEST(KeysFile, AKeyIsAdded) {
  KeyConfig key;
  key.name = "new";
  key.hash = *parse_key_hash(hash('9'));
  key.models = {"a \"b\"", "*"};
  key.tpm = 7;
  const std::string added = fmt::format(
      "- {{name: \"new\", hash: \"{}\", models: [\"a \\\"b\\\"\", \"*\"], tpm: 7}}\n", hash('9'));
  const std::string block =
      fmt::format("  - name: a\n    hash: {}\n    models:\n      - m\n", hash('1'));
  const struct {
    const char* name;
    std::string before;
    std::string after;
  } cases[] = {
      {"no file", "", added},
      {"comments only", "# ours\n", "# ours\n" + added},
      {"a line each", "# ours\n" + entry("a", '1') + "# end",
       "# ours\n" + entry("a", '1') + "# end\n" + added},
      {"an indented block", block, block + "  " + added},
      {"an empty list", "[]\n", added},
      {"a flow list", fmt::format("[{{name: a, hash: \"{}\"}}]\n", hash('1')),
       fmt::format("- {{name: \"a\", hash: \"{}\"}}\n", hash('1')) + added},
      {"a marked end", "---\n" + entry("a", '1') + "...\n",
       fmt::format("- {{name: \"a\", hash: \"{}\"}}\n", hash('1')) + added},
  };
  for (const auto& c : cases) {
    const std::string after = with_key(c.before, key);
    EXPECT_EQ(after, c.after) << c.name;
    auto expected = keys_in(c.before);
    expected.push_back(key);
    EXPECT_EQ(keys_in(after), expected) << c.name;
  }
}

TEST(KeysFile, IsReadWithTheConfiguration) {
  Environment environment = test_environment();
  std::string asked;
  environment.file = [&](const std::string& path) -> Result<std::string> {
    asked = path;
    if (!path.ends_with("keys.yaml")) {
      return fail(ErrorCode::invalid_field, "can not be read: No such file or directory");
    }
    return entry("a", '1', ", backends: [vllm, vlm]");
  };
  const auto read = [&](const std::string& file) {
    return read_config(fmt::format("backends: [{{name: vllm, urls: [\"http://h:1\"]}}]\n"
                                   "keys_file: {}\n",
                                   file),
                       environment, "/etc/rocket/");
  };
  const ConfigReading reading = read("keys.yaml");
  EXPECT_EQ(asked, "/etc/rocket/keys.yaml");
  ASSERT_EQ(reading.config.keys_file.keys.size(), 1U);
  ASSERT_EQ(reading.problems.size(), 1U);
  EXPECT_EQ(format_problem(reading.problems[0]),
            "keys_file[0].backends[1]: no backend is called \"vlm\"; did you mean \"vllm\"?");
  EXPECT_FALSE(read("/keys.yaml").ok());
  EXPECT_EQ(asked, "/keys.yaml");
  const ConfigReading missing = read("none.yaml");
  ASSERT_EQ(missing.problems.size(), 1U);
  EXPECT_EQ(format_problem(missing.problems[0]),
            "keys_file: \"/etc/rocket/none.yaml\" can not be read: No such file or directory; let "
            "`rocket key new` make it, or remove keys_file");
}

}  // namespace
}  // namespace rocket
