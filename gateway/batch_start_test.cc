#include "batch_start.h"

#include <gtest/gtest.h>

#include <fstream>

#include "testing/temporary_folder.h"

namespace rocket {
namespace {

constexpr std::uint64_t MiB = std::uint64_t{1024} * 1024;

TEST(BatchStart, what_the_command_line_says_goes_before_the_configuration) {
  const TemporaryFolder folder;
  const std::string path = folder.file("rocket.yaml");
  std::ofstream(path) << "backends: [{name: a, kind: openai, urls: ['http://127.0.0.1:1']}]\n"
                         "batch: {lines: 70000, line_bytes: 30MiB, lines_in_flight: 5}\n";
  struct Case {
    const char* name;
    BatchOptions options;
    std::uint32_t lines;
    std::uint64_t line_bytes;
    std::uint32_t in_flight;
  };
  const BatchOptions of_file{.input = "i", .output = "o", .config_path = path};
  const BatchOptions of_gateway{.input = "i", .output = "o", .gateway_url = "http://127.0.0.1:1"};
  const auto told = [](BatchOptions options) {
    options.lines = 1'000'000;
    options.line_bytes = 300 * MiB;
    options.in_flight = 8;
    return options;
  };
  const Case cases[] = {
      {"a file", of_file, 70'000, 30 * MiB, 5},
      {"a file, and told otherwise", told(of_file), 1'000'000, 300 * MiB, 8},
      {"a gateway", of_gateway, 50'000, 20 * MiB, 64},
      {"a gateway, and told otherwise", told(of_gateway), 1'000'000, 300 * MiB, 8},
  };
  for (const Case& c : cases) {
    const auto config = batch_config(c.options);
    ASSERT_TRUE(config) << c.name;
    EXPECT_EQ(config->batch.lines, c.lines) << c.name;
    EXPECT_EQ(config->batch.line_bytes.bytes, c.line_bytes) << c.name;
    EXPECT_EQ(config->batch.lines_in_flight, c.in_flight) << c.name;
    EXPECT_GE(config->limits.bodies_in_flight_bytes.bytes, 4 * c.line_bytes) << c.name;
  }
}

TEST(BatchStart, a_file_that_is_too_much_can_be_run_all_the_same) {
  struct Case {
    const char* problems;
    const char* option;
  };
  const Case cases[] = {
      {R"([{"code":"too_many_requests","line":null}])", "--lines"},
      {R"([{"code":"invalid_json_line","line":1},{"code":"line_too_long","line":3}])",
       "--line-bytes"},
      {R"([{"code":"invalid_json_line","line":1}])", ""},
      {"", ""},
  };
  for (const Case& c : cases) {
    EXPECT_TRUE(batch_limit_remedy(c.problems).starts_with(c.option)) << c.problems;
    EXPECT_EQ(batch_limit_remedy(c.problems).empty(), *c.option == '\0') << c.problems;
  }
}

TEST(BatchStart, the_first_line_says_what_is_asked) {
  constexpr std::string_view line =
      R"({"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{}})";
  struct Case {
    const char* name;
    std::string text;
    const char* said;  // empty: what is asked is known
  };
  const Case cases[] = {
      {"it", std::string(line) + '\n', ""},
      {"without an end", std::string(line), ""},
      {"behind empty ones", "\r\n \n" + std::string(line), ""},
      {"behind a byte order mark", "\xEF\xBB\xBF" + std::string(line), ""},
      {"behind one on a line of its own", "\xEF\xBB\xBF\n" + std::string(line), ""},
      {"behind two of them", "\xEF\xBB\xBF\xEF\xBB\xBF" + std::string(line), "byte order mark"},
      {"nothing", "", "has no lines"},
      {"a byte order mark", "\xEF\xBB\xBF", "has no lines"},
      {"empty lines", "\n\n\t\n", "has no lines"},
      {"no JSON", "hello\n", "is no JSON"},
      {"no url", "{}\n", "has no `url`"},
  };
  const TemporaryFolder folder;
  const std::string input = folder.file("in.jsonl");
  for (const Case& c : cases) {
    std::ofstream(input) << c.text;
    const auto start = read_batch_start({.input = input, .output = folder.file("out.jsonl")});
    const std::string said = start ? "" : start.error().detail;
    EXPECT_EQ(said.empty(), *c.said == '\0') << c.name;
    EXPECT_TRUE(said.contains(c.said)) << c.name << ": " << said;
    EXPECT_EQ(start.value_or(BatchStart{}).endpoint, start ? "/v1/embeddings" : "") << c.name;
  }
}

}  // namespace
}  // namespace rocket
