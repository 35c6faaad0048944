#include "config/trace_headers.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace rocket {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r";
  const size_t begin = text.find_first_not_of(space);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a') + 10;
  return std::nullopt;
}

// None: a percent sign without two digits, or what may not stand in a header.
std::optional<std::string> decoded(std::string_view value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    char c = value[i];
    if (c == '%') {
      if (i + 2 >= value.size()) return std::nullopt;
      const auto high = hex_digit(value[i + 1]);
      const auto low = hex_digit(value[i + 2]);
      if (!high || !low) return std::nullopt;
      c = static_cast<char>(*high * 16 + *low);
      i += 2;
    }
    if (c < ' ' || c > '~') return std::nullopt;
    out += c;
  }
  return out;
}

// A token (RFC 9110, section 5.6.2), in lower case.
std::optional<std::string> header_name(std::string_view text) {
  std::string name(text);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter_or_digit && !std::string_view("!#$%&'*+-.^_`|~").contains(c)) return std::nullopt;
  }
  if (name.empty()) return std::nullopt;
  return name;
}

// What Rocket says itself.
constexpr std::array<std::string_view, 9> own_names{
    "host", "connection", "content-length", "content-type",    "transfer-encoding",
    "te",   "trailer",    "upgrade",        "content-encoding"};

}  // namespace

Result<std::string> read_trace_headers(std::string_view pairs) {
  std::string lines;
  while (!pairs.empty()) {
    const size_t end = std::min(pairs.find_first_of(",\n"), pairs.size());
    const std::string_view pair = trimmed(pairs.substr(0, end));
    pairs.remove_prefix(std::min(end + 1, pairs.size()));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    if (equals == pair.npos) return fail(ErrorCode::invalid_field, "a header has no value");
    const auto name = header_name(trimmed(pair.substr(0, equals)));
    if (!name) return fail(ErrorCode::invalid_field, "a header's name is none");
    const auto value = decoded(trimmed(pair.substr(equals + 1)));
    if (!value) {
      return fail(ErrorCode::invalid_field,
                  "a header's value holds what may not stand in one, or a lone percent sign");
    }
    if (std::ranges::find(own_names, *name) != own_names.end()) {
      return fail(ErrorCode::invalid_field, "a header is one that Rocket writes itself");
    }
    lines.append(*name).append(": ").append(*value).append("\r\n");
  }
  return lines;
}

Result<std::string> load_trace_headers(const OtlpConfig& otlp, const Environment& environment) {
  if (!otlp.headers_file.empty()) {
    const Result<std::string> content = environment.file(otlp.headers_file);
    if (!content) return fail(content.error().code, "the file " + content.error().detail);
    return read_trace_headers(*content);
  }
  if (otlp.headers_env.empty()) return std::string();
  const std::optional<std::string> value = environment.variable(otlp.headers_env);
  if (value) return read_trace_headers(*value);
  // A name of somebody's own is meant; the usual one is only looked at.
  if (otlp.headers_env == OtlpConfig::usual_headers_env) return std::string();
  return fail(ErrorCode::invalid_field, "the environment variable is not set");
}

}  // namespace rocket
