#include "telemetry/trace_context.h"

#include <algorithm>
#include <array>
#include <vector>

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

bool is_key(std::string_view key) {
  constexpr std::string_view signs = "_-*/@";
  constexpr std::size_t bytes_max = 256;
  if (key.empty() || key.size() > bytes_max || signs.contains(key.front())) return false;
  return std::ranges::all_of(key, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || signs.contains(c);
  });
}

bool is_value(std::string_view value) {
  constexpr std::size_t bytes_max = 256;
  if (value.empty() || value.size() > bytes_max) return false;
  return std::ranges::all_of(value,
                             [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// False: it is no list.
bool add_members(std::string_view line, std::vector<std::string_view>& members) {
  while (!line.empty()) {
    const std::size_t comma = std::min(line.find(','), line.size());
    const std::string_view member = trimmed(line.substr(0, comma));
    line.remove_prefix(std::min(comma + 1, line.size()));
    if (member.empty()) continue;  // there may be such
    const std::size_t equals = member.find('=');
    if (equals == member.npos || !is_key(member.substr(0, equals)) ||
        !is_value(member.substr(equals + 1))) {
      return false;
    }
    members.push_back(member);
  }
  return true;
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

// What there is too much of is left out as the specification says (3.3.1.5): first what is long,
// then what stands last, since those who came last stand first.
std::string read_tracestate(std::span<const std::string_view> lines) {
  constexpr std::size_t members_max = 32;
  const auto is_long = [](std::string_view member) { return member.size() > 128; };
  std::vector<std::string_view> members;
  for (const std::string_view line : lines) {
    if (!add_members(line, members)) return {};
  }
  std::size_t bytes = 0;
  for (const std::string_view member : members)
    bytes += member.size() + 1;
  const bool too_much = bytes > tracestate_bytes_max + 1;
  if (too_much) std::erase_if(members, is_long);
  if (members.size() > members_max) members.resize(members_max);
  std::string kept;
  for (const std::string_view member : members) {
    if (kept.size() + 1 + member.size() > tracestate_bytes_max) break;
    if (!kept.empty()) kept += ',';
    kept += member;
  }
  return kept;
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
