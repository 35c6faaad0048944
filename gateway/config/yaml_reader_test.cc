#include "config/yaml_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/read_config_test.h"

namespace rocket {
namespace {

TEST(YamlReader, KnowsTheTypes) {
  const ProblemCase cases[] = {
      {"threads: \"4\"",
       {"threads: expected a whole number, found the text \"4\"; write it in digits, without "
        "quotes"}},
      {"threads: 4.5",
       {"threads: expected a whole number, found \"4.5\"; write it in digits, without quotes"}},
      {"threads: -1",
       {"threads: expected a whole number, found \"-1\"; write it in digits, without quotes"}},
      {"threads: 010",
       {"threads: expected a whole number, found \"010\"; write it in digits, without quotes"}},
      {"threads: 4294967297",
       {"threads: expected a whole number, found \"4294967297\"; write it in digits, without "
        "quotes"}},
      {"threads:",
       {"threads: expected a whole number, found nothing; write it in digits, without quotes"}},
      {"mark_backend: yes",
       {"mark_backend: expected true or false, found \"yes\"; write true or false, without "
        "quotes"}},
      {"mark_backend: \"true\"",
       {"mark_backend: expected true or false, found the text \"true\"; write true or false, "
        "without quotes"}},
      {"health: {jitter: nan}",
       {"health.jitter: expected a number, found \"nan\"; write a number such as 0.5, without "
        "quotes"}},
      {"health: {jitter: {a: b}}",
       {"health.jitter: expected a number, found keys and values; write a number such as 0.5, "
        "without quotes"}},
      {"timeouts: {connect: []}",
       {"timeouts.connect: expected a duration such as 250ms, found a list; write a number and "
        "its unit: ms, s, m or h, at most 10000h"}},
      {"timeouts: 5s",
       {"timeouts: expected keys and values, found \"5s\"; write them as {key: value}"}},
      {"limits: {body_bytes: 5MB}",
       {"limits.body_bytes: expected a size such as 64KiB, found \"5MB\"; write a number of "
        "bytes, or a number and its unit: KiB, MiB or GiB, at most 1048576GiB"}},
      {"listen: 127.0.0.1:70000",
       {"listen: has a port that is not a number up to 65535; write IP:PORT, [IPv6]:PORT or "
        "unix:PATH"}},
      {"order: vllm", {"order: expected a list, found \"vllm\"; write it as [A, B]"}},
      {"order: [[vllm]]", {"order[0]: expected text, found a list; write one line of text"}},
      {"order: [\"a\\nb\"]",
       {"order[0]: has a line break or another control character; write one line of text"}},
      {"models: []",
       {"models: expected routes by name, found a list; write them as {NAME: [{backend: NAME}]}"}},
      {"models: {m: vllm}",
       {"models.m: expected a list of candidates, found \"vllm\"; write it as [{backend: NAME, "
        "model: MODEL}]"}},
      {"models: {\"a\\nb\": []}",
       {"models[\"a?b\"]: a control character in a route's name; remove it"}},
  };
  expect_problems_besides_backend(cases);
}

}  // namespace
}  // namespace rocket
