#include "telemetry/trace_context.h"

#include <array>

namespace rocket {
namespace {

constexpr std::size_t traceparent_bytes = 55;

// Lower case only, as the specification has it.
std::optional<std::uint64_t> parse_hex(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    const bool number = c >= '0' && c <= '9';
    if (!number && (c < 'a' || c > 'f')) return std::nullopt;
    value = value << 4U | static_cast<std::uint64_t>(number ? c - '0' : c - 'a' + 10);
  }
  return value;
}

template <std::size_t Digits>
void append_hex(std::string& out, std::uint64_t value) {
  std::array<char, Digits> text;
  for (std::size_t i = Digits; i-- > 0; value >>= 4U)
    text[i] = "0123456789abcdef"[value & 15U];
  out.append(text.data(), text.size());
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < traceparent_bytes) return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto version = parse_hex(text.substr(0, 2));
  if (!version || *version == 0xFF) return std::nullopt;
  const bool more = text.size() > traceparent_bytes;
  if (more && (*version == 0 || text[traceparent_bytes] != '-')) return std::nullopt;
  const auto high = parse_hex(text.substr(3, 16));
  const auto low = parse_hex(text.substr(19, 16));
  const auto span = parse_hex(text.substr(36, 16));
  const auto flags = parse_hex(text.substr(53, 2));
  if (!high || !low || !span || !flags) return std::nullopt;
  if ((*high | *low) == 0 || *span == 0) return std::nullopt;
  // What other flags will mean is not known.
  constexpr std::uint64_t known = TraceContext::sampled_flag | TraceContext::random_flag;
  return TraceContext{*high, *low, *span, static_cast<std::uint8_t>(*flags & known)};
}

void append_traceparent(std::string& out, const TraceContext& context) {
  out += "00-";
  append_trace_id(out, context);
  out += '-';
  append_span_id(out, context.span);
  out += '-';
  append_hex<2>(out, context.flags);
}

void append_span_id(std::string& out, std::uint64_t span) {
  append_hex<16>(out, span);
}

void append_trace_id(std::string& out, const TraceContext& context) {
  append_hex<16>(out, context.trace_high);
  append_hex<16>(out, context.trace_low);
}

TraceContext begin_trace(Random& random, double ratio) {
  TraceContext context;
  context.trace_high = random.next();
  context.trace_low = make_span_id(random);  // not zero either
  context.span = make_span_id(random);
  const double drawn = static_cast<double>(context.trace_low >> 1U) * 0x1.0p-63;
  context.flags = TraceContext::random_flag;
  if (drawn < ratio) context.flags |= TraceContext::sampled_flag;
  return context;
}

std::uint64_t make_span_id(Random& random) {
  while (true) {
    const std::uint64_t id = random.next();
    if (id != 0) return id;
  }
}

}  // namespace rocket
