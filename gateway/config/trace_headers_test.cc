#include "config/trace_headers.h"

#include <gtest/gtest.h>

#include <map>

namespace rocket {
namespace {

TEST(TraceHeaders, AreReadAsOpenTelemetryWritesThem) {
  struct Case {
    const char* name;
    std::string_view pairs;
    std::string_view lines;
  };
  const Case cases[] = {
      {"nothing", "", ""},
      {"one", "Authorization=Bearer%20abc%3D", "authorization: Bearer abc=\r\n"},
      {"plain space", "Authorization=Bearer abc", "authorization: Bearer abc\r\n"},
      {"base64 as it is", "authorization=Basic dTpwYXNz==", "authorization: Basic dTpwYXNz==\r\n"},
      {"two", "a=1, b = 2", "a: 1\r\nb: 2\r\n"},
      {"lines of a file", "a=1\r\nb=2\n\n", "a: 1\r\nb: 2\r\n"},
      {"empty value", "x-tenant=", "x-tenant: \r\n"},
      {"a comma in a value", "a=1%2C2", "a: 1,2\r\n"},
  };
  for (const Case& one : cases) {
    const auto read = read_trace_headers(one.pairs);
    ASSERT_TRUE(read) << one.name << ": " << read.error().detail;
    EXPECT_EQ(*read, one.lines) << one.name;
  }
}

TEST(TraceHeaders, WhatIsNoneIsRefusedAndNotShown) {
  struct Case {
    const char* name;
    std::string_view pairs;
    std::string_view why;
  };
  const Case cases[] = {
      {"no value", "hunter2", "no value"},
      {"no name", "=hunter2", "name is none"},
      {"a name with a space", "a b=hunter2", "name is none"},
      {"a name with a colon", "a:=hunter2", "name is none"},
      {"a line break", "a=hunter2%0d%0Ab: c", "may not stand"},
      {"a zero", "a=hunter2%00", "may not stand"},
      {"not ASCII", "a=hunter2\xc3\xa4", "may not stand"},
      {"half an escape", "a=hunter2%2", "lone percent"},
      {"no escape", "a=hunter2%zz", "lone percent"},
      {"framing", "Content-Length=hunter2", "writes itself"},
      {"another host", "host=hunter2", "writes itself"},
  };
  for (const Case& one : cases) {
    const auto read = read_trace_headers(one.pairs);
    ASSERT_FALSE(read) << one.name;
    EXPECT_EQ(read.error().code, ErrorCode::invalid_field) << one.name;
    EXPECT_TRUE(read.error().detail.contains(one.why)) << one.name << ": " << read.error().detail;
    EXPECT_FALSE(read.error().detail.contains("hunter2")) << one.name;
  }
}

TEST(TraceHeaders, ComeFromAVariableOrAFile) {
  const std::map<std::string, std::string> variables{{"OTEL_EXPORTER_OTLP_HEADERS", "a=usual"},
                                                     {"MINE", "a=mine"}};
  Environment environment;
  environment.variable = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  environment.file = [](const std::string& path) -> Result<std::string> {
    if (path != "/headers") return fail(ErrorCode::invalid_field, "does not exist");
    return std::string("a=file\n");
  };
  Environment bare = environment;
  bare.variable = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  OtlpConfig otlp;
  EXPECT_EQ(load_trace_headers(otlp, environment).value(), "a: usual\r\n");
  EXPECT_EQ(load_trace_headers(otlp, bare).value(), "") << "the usual one need not be set";
  otlp.headers_env = "MINE";
  EXPECT_EQ(load_trace_headers(otlp, environment).value(), "a: mine\r\n");
  EXPECT_FALSE(load_trace_headers(otlp, bare)) << "one that is asked for must be";
  otlp.headers_env = "";
  EXPECT_EQ(load_trace_headers(otlp, environment).value(), "");
  otlp.headers_file = "/headers";
  EXPECT_EQ(load_trace_headers(otlp, environment).value(), "a: file\r\n");
  otlp.headers_file = "/elsewhere";
  EXPECT_FALSE(load_trace_headers(otlp, environment));
}

}  // namespace
}  // namespace rocket
