#include "schema/token_usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace rocket {
namespace {

// Counts as the dialects have them, before they are added up.
struct Counts {
  std::optional<std::int64_t> input;
  std::optional<std::int64_t> cache_read;
  std::optional<std::int64_t> cache_write;
  std::optional<std::int64_t> output;
  std::optional<std::int64_t> thinking;
};

// More would overflow what is added up.
constexpr std::int64_t count_max = std::int64_t{1} << 53U;

std::optional<std::int64_t> count_of(const JsonValue& value) {
  const auto count = value.as_int();
  if (!count) return std::nullopt;
  return std::clamp<std::int64_t>(*count, 0, count_max);
}

void read_details(const JsonValue& details, Counts& counts) {
  if (details.kind != JsonKind::object) return;
  for (const JsonMember& member : json_members(details.text)) {
    if (member.key_is("cached_tokens")) counts.cache_read = count_of(member.value);
    if (member.key_is("cache_write_tokens")) counts.cache_write = count_of(member.value);
    if (member.key_is("reasoning_tokens") || member.key_is("thinking_tokens")) {
      counts.thinking = count_of(member.value);
    }
  }
}

Counts read_counts(Dialect dialect, std::string_view object) {
  const bool chat = dialect == Dialect::chat;
  const std::string_view input = chat                 ? "prompt_tokens"
                                 : is_ollama(dialect) ? "prompt_eval_count"
                                                      : "input_tokens";
  const std::string_view output = chat                 ? "completion_tokens"
                                  : is_ollama(dialect) ? "eval_count"
                                                       : "output_tokens";
  Counts counts;
  for (const JsonMember& member : json_members(object)) {
    if (member.key_is(input)) {
      counts.input = count_of(member.value);
    } else if (member.key_is(output)) {
      counts.output = count_of(member.value);
    } else if (member.key_is("cache_read_input_tokens")) {
      counts.cache_read = count_of(member.value);
    } else if (member.key_is("cache_creation_input_tokens")) {
      counts.cache_write = count_of(member.value);
    } else if (member.key_is("prompt_tokens_details") || member.key_is("input_tokens_details") ||
               member.key_is("completion_tokens_details") ||
               member.key_is("output_tokens_details")) {
      read_details(member.value, counts);
    }
  }
  return counts;
}

}  // namespace

bool read_usage(Dialect dialect, std::string_view object, TokenUsage& usage) {
  const Counts counts = read_counts(dialect, object);
  // Anthropic's input_tokens are what the cache had no part in.
  std::int64_t uncached = usage.input - usage.cache_read - usage.cache_write;
  if (counts.cache_read) usage.cache_read = *counts.cache_read;
  if (counts.cache_write) usage.cache_write = *counts.cache_write;
  if (dialect == Dialect::anthropic) {
    if (counts.input) uncached = *counts.input;
    usage.input = uncached + usage.cache_read + usage.cache_write;
  } else if (counts.input) {
    usage.input = *counts.input;
  }
  if (counts.output) usage.output = *counts.output;
  if (counts.thinking) usage.thinking = *counts.thinking;
  // A part can not be more than the whole, whatever a server says.
  usage.cache_read = std::min(usage.cache_read, usage.input);
  usage.cache_write = std::min(usage.cache_write, usage.input - usage.cache_read);
  usage.thinking = std::min(usage.thinking, usage.output);
  return counts.input || counts.output;
}

void write_usage(Dialect dialect, const TokenUsage& usage, std::string& out) {
  const auto to = std::back_inserter(out);
  switch (dialect) {
    case Dialect::chat:
      fmt::format_to(to,
                     R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},)"
                     R"("prompt_tokens_details":{{"cached_tokens":{},"cache_write_tokens":{}}},)"
                     R"("completion_tokens_details":{{"reasoning_tokens":{}}}}})",
                     usage.input, usage.output, usage.input + usage.output, usage.cache_read,
                     usage.cache_write, usage.thinking);
      return;
    case Dialect::responses:
      fmt::format_to(to,
                     R"({{"input_tokens":{},"input_tokens_details":{{"cached_tokens":{},)"
                     R"("cache_write_tokens":{}}},"output_tokens":{},)"
                     R"("output_tokens_details":{{"reasoning_tokens":{}}},"total_tokens":{}}})",
                     usage.input, usage.cache_read, usage.cache_write, usage.output, usage.thinking,
                     usage.input + usage.output);
      return;
    case Dialect::anthropic:
      fmt::format_to(to,
                     R"({{"input_tokens":{},"cache_creation_input_tokens":{},)"
                     R"("cache_read_input_tokens":{},"output_tokens":{})",
                     usage.input - usage.cache_read - usage.cache_write, usage.cache_write,
                     usage.cache_read, usage.output);
      if (usage.thinking != 0) {
        fmt::format_to(to, R"(,"output_tokens_details":{{"thinking_tokens":{}}})", usage.thinking);
      }
      out += '}';
      return;
    default:
      fmt::format_to(to, R"("prompt_eval_count":{},"eval_count":{})", usage.input, usage.output);
  }
}

}  // namespace rocket
