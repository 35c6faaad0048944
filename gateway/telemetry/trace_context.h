#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/random.h"

// W3C Trace Context (the Recommendation of 2021, and level 2's flag): where a request stands in a
// trace, as `traceparent` tells it.
namespace rocket {

struct TraceContext {
  static constexpr std::uint8_t sampled_flag = 1;
  static constexpr std::uint8_t random_flag = 2;  // level 2: the trace's id is random

  std::uint64_t trace_high = 0;
  std::uint64_t trace_low = 0;
  std::uint64_t span = 0;
  std::uint8_t flags = 0;

  [[nodiscard]] bool sampled() const { return (flags & sampled_flag) != 0; }
};

// "00-TRACE-SPAN-FLAGS", or that and more of a later version. None: it is to be treated as if it
// had not come, and so is a `tracestate` beside it.
[[nodiscard]] std::optional<TraceContext> parse_traceparent(std::string_view text);

// What vendors carry along beside it, of one header line or several: as much as a span tells of it,
// whole members, without white space. Empty: there is none, or it is no list of KEY=VALUE.
constexpr std::size_t tracestate_bytes_max = 512;
[[nodiscard]] std::string read_tracestate(std::span<const std::string_view> lines);

void append_traceparent(std::string& out, const TraceContext& context);

// The digits of an id.
void append_span_id(std::string& out, std::uint64_t span);
void append_trace_id(std::string& out, const TraceContext& context);

// A trace that begins here, sampled with the probability `ratio`, by its id: whoever uses the same
// rule comes to the same answer (OpenTelemetry's TraceIdRatioBased).
[[nodiscard]] TraceContext begin_trace(Random& random, double ratio);
[[nodiscard]] std::uint64_t make_span_id(Random& random);

}  // namespace rocket
