#include "telemetry/trace_context.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace rocket
