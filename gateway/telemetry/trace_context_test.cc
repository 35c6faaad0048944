#include "telemetry/trace_context.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace rocket {
namespace {

constexpr const char* usual = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

std::string written(const TraceContext& context) {
  std::string text;
  append_traceparent(text, context);
  return text;
}

TEST(TraceContext, ReadsAndWritesTheSame) {
  const auto context = parse_traceparent(usual);
  ASSERT_TRUE(context);
  EXPECT_TRUE(context->sampled());
  EXPECT_EQ(context->trace_high, 0x4bf92f3577b34da6U);
  EXPECT_EQ(context->trace_low, 0xa3ce929d0e0e4736U);
  EXPECT_EQ(context->span, 0x00f067aa0ba902b7U);
  EXPECT_EQ(written(*context), usual);
}

TEST(TraceContext, TakesWhatTheSpecificationTakes) {
  struct Case {
    const char* name;
    const char* text;
    const char* written;  // null: refused
  };
  const Case cases[] = {
      {"not sampled", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"},
      {"flags nobody knows", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"},
      {"a later version", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", usual},
      {"a later version with more", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
       usual},
      {"a later version, run on", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
       nullptr},
      {"this version with more", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
       nullptr},
      {"no version", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", nullptr},
      {"capitals", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", nullptr},
      {"no trace", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", nullptr},
      {"no span", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", nullptr},
      {"too short", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", nullptr},
      {"other separators", "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", nullptr},
      {"no hexadecimal digit", "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", nullptr},
      {"nothing", "", nullptr},
  };
  for (const Case& c : cases) {
    const auto context = parse_traceparent(c.text);
    ASSERT_EQ(context.has_value(), c.written != nullptr) << c.name;
    if (!context) continue;
    EXPECT_EQ(written(*context), c.written) << c.name;
  }
}

TEST(TraceContext, ARatioIsAShareOfTheTraces) {
  for (const double ratio : {0.0, 0.25, 1.0}) {
    Random random(7);
    int sampled = 0;
    for (int i = 0; i < 10'000; ++i) {
      const TraceContext context = begin_trace(random, ratio);
      ASSERT_TRUE(parse_traceparent(written(context)));
      sampled += context.sampled() ? 1 : 0;
    }
    EXPECT_NEAR(sampled, ratio * 10'000, ratio == 0.25 ? 200 : 0) << ratio;
  }
}

TEST(TraceContext, KeepsWhatVendorsCarryAlong) {
  const std::string many = [] {
    std::string list;
    for (int i = 0; i < 40; ++i)
      list += "k" + std::to_string(i) + "=v,";
    return list;
  }();
  const std::string of_130 = "long=" + std::string(125, 'x');
  const std::string of_120 = "a=" + std::string(118, 'x');
  const std::string five = of_120 + "," + of_120 + "," + of_120 + "," + of_120 + "," + of_120;
  const std::string four = five.substr(0, 483);
  const struct {
    const char* name;
    std::vector<std::string_view> lines;
    std::string kept;
  } cases[] = {
      {"none", {}, ""},
      {"one", {"a=b"}, "a=b"},
      {"white space and nothing", {" a=b ,,\tc=d e ,"}, "a=b,c=d e"},
      {"several lines", {"a=b", "c=d"}, "a=b,c=d"},
      {"keys of several tenants", {"t1@v-2=x,0*a/b_c=y"}, "t1@v-2=x,0*a/b_c=y"},
      {"no value", {"a=b,c"}, ""},
      {"an empty one", {"a="}, ""},
      {"no key", {"=b"}, ""},
      {"a capital", {"A=b"}, ""},
      {"two signs", {"a=b=c"}, ""},
      {"what is no ASCII", {"a=\xC3\xA9"}, ""},
      {"one line of several is none", {"a=b", "?"}, ""},
      {"more than 32", {many}, many.substr(0, many.find(",k32"))},
      {"a long one alone", {of_130}, of_130},
      {"a long one beside too much", {of_130, four, "z=1"}, four + ",z=1"},
      {"too much", {five}, four},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(read_tracestate(c.lines), c.kept) << c.name;
    EXPECT_LE(read_tracestate(c.lines).size(), tracestate_bytes_max) << c.name;
  }
}

}  // namespace
}  // namespace rocket
