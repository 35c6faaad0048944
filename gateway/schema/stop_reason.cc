#include "schema/stop_reason.h"

#include <array>
#include <utility>

namespace rocket {
namespace {

// In the order of StopReason.
struct Words {
  std::string_view chat;
  std::string_view responses;
  std::string_view anthropic;
  std::string_view ollama;
};
constexpr std::array<Words, stop_reason_count> words{{
    {"stop", "completed", "end_turn", "stop"},
    {"stop", "completed", "stop_sequence", "stop"},
    {"length", "max_output_tokens", "max_tokens", "length"},
    {"length", "max_output_tokens", "model_context_window_exceeded", "length"},
    {"tool_calls", "completed", "tool_use", "stop"},
    {"content_filter", "content_filter", "refusal", "stop"},
    {"stop", "completed", "pause_turn", "stop"},
}};

// Words beyond those above: older ones, and what some servers say instead.
using Alias = std::pair<std::string_view, StopReason>;
constexpr std::array<Alias, 5> chat_aliases{{
    {"function_call", StopReason::tool_use},
    {"model_length", StopReason::context_exceeded},
    {"eos", StopReason::end},
    {"eos_token", StopReason::end},
    {"stop_sequence", StopReason::stop_sequence},
}};
// `load` and `unload` end answers to requests without a prompt.
constexpr std::array<Alias, 3> ollama_aliases{{
    {"load", StopReason::end},
    {"unload", StopReason::end},
    {"limit", StopReason::max_tokens},
}};

std::string_view word_of(const Words& row, Dialect dialect) {
  switch (dialect) {
    case Dialect::chat: return row.chat;
    case Dialect::responses: return row.responses;
    case Dialect::anthropic: return row.anthropic;
    default: return row.ollama;
  }
}

template <size_t N>
std::optional<StopReason> find(const std::array<Alias, N>& aliases, std::string_view raw) {
  for (const auto& [word, reason] : aliases) {
    if (word == raw) return reason;
  }
  return std::nullopt;
}

}  // namespace

std::string_view stop_word(Dialect dialect, StopReason reason) {
  return word_of(words[static_cast<size_t>(reason)], dialect);
}

std::optional<StopReason> read_stop_word(Dialect dialect, std::string_view raw) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (word_of(words[i], dialect) == raw) return static_cast<StopReason>(i);
  }
  if (dialect == Dialect::chat) return find(chat_aliases, raw);
  if (is_ollama(dialect)) return find(ollama_aliases, raw);
  return std::nullopt;
}

}  // namespace rocket
