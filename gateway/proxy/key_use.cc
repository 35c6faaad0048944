#include "proxy/key_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "wire/http_writer.h"
#include "wire/json.h"

namespace rocket {
namespace {

constexpr std::uint64_t bytes_per_token = 4;  // of English, and a cautious guess of JSON

void append_state(std::string& lines, std::string_view what, const RateLimit::State& state) {
  append_header(lines, fmt::format("x-ratelimit-limit-{}", what), std::to_string(state.limit));
  append_header(lines, fmt::format("x-ratelimit-remaining-{}", what),
                std::to_string(state.remaining));
  append_header(lines, fmt::format("x-ratelimit-reset-{}", what), limit_duration(state.reset));
}

}  // namespace

std::uint64_t expected_tokens(std::string_view body) {
  std::int64_t answer = 0;
  const auto allow = [&](std::string_view object, std::string_view key) {
    const auto allowed = json_find(object, key);
    if (allowed) answer = std::max(answer, allowed->as_int().value_or(0));
  };
  // As each dialect calls it.
  for (const std::string_view key : {"max_tokens", "max_completion_tokens", "max_output_tokens"})
    allow(body, key);
  const auto options = json_find(body, "options");
  if (options && options->kind == JsonKind::object) allow(options->text, "num_predict");
  // Several choices are as many answers.
  constexpr std::int64_t choices_max = 128;
  constexpr std::int64_t answer_max = std::numeric_limits<std::int64_t>::max() / choices_max;
  const auto n = json_find(body, "n");
  const auto choices = std::clamp<std::int64_t>(n ? n->as_int().value_or(1) : 1, 1, choices_max);
  return body.size() / bytes_per_token +
         static_cast<std::uint64_t>(std::min(answer, answer_max) * choices);
}

std::uint64_t used_tokens(const Usage& usage, std::uint64_t body_bytes, std::uint64_t prompt_most) {
  const auto counted = [](std::int64_t tokens) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(tokens, 0));
  };
  const std::uint64_t prompt =
      usage.in > 0 ? counted(usage.in) : std::min(body_bytes / bytes_per_token, prompt_most);
  return prompt + counted(usage.out);
}

void append_limit_lines(std::string& lines, const KeyLimits& limits, TimePoint now) {
  if (const auto requests = limits.requests(now)) append_state(lines, "requests", *requests);
  if (const auto tokens = limits.tokens(now)) append_state(lines, "tokens", *tokens);
}

std::string limit_duration(Duration duration) {
  using namespace std::chrono;
  const auto whole = ceil<milliseconds>(std::max(duration, Duration::zero()));
  const auto second_count = duration_cast<seconds>(whole).count();
  const auto rest = (whole % 1s).count();
  if (second_count == 0 && rest != 0) return fmt::format("{}ms", rest);
  std::string text;
  if (second_count >= 3600) text += fmt::format("{}h", second_count / 3600);
  if (second_count >= 60) text += fmt::format("{}m", second_count / 60 % 60);
  text += std::to_string(second_count % 60);
  if (rest != 0) {
    text += fmt::format(".{:03}", rest);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + 's';
}

std::string refusal_text(const KeyLimits& limits, const KeyLimits::Refusal& refusal) {
  const KeyLimitSettings& settings = limits.settings();
  switch (refusal.limit) {
    case KeyLimits::Limit::requests:
      return fmt::format(
          "this API key's limit of {} requests per minute is reached; try again in {}",
          settings.requests_per_minute.value_or(0), limit_duration(refusal.wait));
    case KeyLimits::Limit::tokens:
      return fmt::format("this API key's limit of {} tokens per minute is reached; try again in {}",
                         settings.tokens_per_minute.value_or(0), limit_duration(refusal.wait));
    case KeyLimits::Limit::concurrent: break;
  }
  return fmt::format(
      "this API key's limit of {} requests at once is reached; try again when one "
      "has ended",
      settings.concurrent.value_or(0));
}

std::int64_t whole_seconds(Duration wait) {
  const auto whole = std::chrono::ceil<std::chrono::seconds>(wait);
  return std::max<std::int64_t>(whole.count(), 1);
}

}  // namespace rocket
