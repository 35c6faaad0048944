#include "telemetry/receipt.h"

#include <type_traits>

namespace rocket {

// What limits.receipts and otlp.queue say of their cost.
static_assert(sizeof(Receipt) <= 1024);
static_assert(std::is_trivially_copyable_v<Receipt>);

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::connect: return "connect";
    case Phase::send: return "send";
    case Phase::first_byte: return "first_byte";
    case Phase::first_token: return "first_token";
    case Phase::rest: return "rest";
  }
  return "unknown";
}

std::uint32_t AttemptReceipt::end() const {
  std::uint32_t last = started;
  for (const std::uint32_t one : until)
    last = one == unknown ? last : one;
  return last;
}

Receipt::Text Receipt::keep(std::string_view text) {
  text = text.substr(0, text_bytes_max - text_used_);
  const Text kept{text_used_, static_cast<std::uint16_t>(text.size())};
  text.copy(text_.data() + text_used_, text.size());
  text_used_ = static_cast<std::uint16_t>(text_used_ + text.size());
  return kept;
}

Receipt::Seen* Receipt::find(std::string_view endpoint) {
  for (std::size_t i = 0; i < candidate_count_; ++i) {
    if (text_of(candidates_[i].endpoint) == endpoint) return &candidates_[i];
  }
  return nullptr;
}

void Receipt::look_at(const Look& look) {
  Seen* seen = find(look.endpoint);
  if (seen == nullptr) {
    if (candidate_count_ == candidates_max || !has_room(look.endpoint.size())) {
      if (candidates_left_out < 255) ++candidates_left_out;
      return;
    }
    seen = &candidates_[candidate_count_++];
    seen->endpoint = keep(look.endpoint);
    seen->chosen = false;
  }
  if (seen->chosen) return;
  seen->score = static_cast<float>(look.score);
  say(*seen, look.why_not);
}

bool Receipt::choose(std::string_view endpoint, std::string_view why) {
  Seen* const seen = find(endpoint);
  if (seen == nullptr) return false;
  say(*seen, why);
  seen->chosen = true;
  return true;
}

// Attempts refer only to those that were chosen.
void Receipt::choose_left_out(const Look& look) {
  const std::size_t size = look.endpoint.size();
  for (std::size_t i = candidate_count_; i-- != 0;) {
    Seen& seen = candidates_[i];
    if (seen.chosen || (size > seen.endpoint.size && !has_room(size))) continue;
    if (size > seen.endpoint.size) {
      seen.endpoint = keep(look.endpoint);
    } else {
      look.endpoint.copy(text_.data() + seen.endpoint.begin, size);
      seen.endpoint.size = static_cast<std::uint16_t>(size);
    }
    seen.score = static_cast<float>(look.score);
    say(seen, look.why_not);
    seen.chosen = true;
    return;
  }
}

AttemptReceipt* Receipt::begin_attempt(std::string_view endpoint, TimePoint now) {
  if (attempt_count_ == attempts_max) {
    if (attempts_left_out < 255) ++attempts_left_out;
    return nullptr;
  }
  AttemptReceipt& attempt = attempts_[attempt_count_];
  attempt = AttemptReceipt{};
  attempt.number = attempt_count_++;
  attempt.started = micros(now);
  if (const Seen* seen = find(endpoint)) {
    attempt.candidate = static_cast<std::uint8_t>(seen - candidates_.data());
  }
  return &attempt;
}

Receipt::Candidate Receipt::candidate(std::size_t index) const {
  const Seen& seen = candidates_[index];
  return {text_of(seen.endpoint), seen.score, {seen.why, seen.why_size}, seen.chosen};
}

std::string_view Receipt::endpoint_of(const AttemptReceipt& attempt) const {
  if (attempt.candidate >= candidate_count_) return {};
  return text_of(candidates_[attempt.candidate].endpoint);
}

Duration Receipt::engine_time(TimePoint now) const {
  std::uint64_t sum = 0;
  std::uint32_t covered = 0;
  // They stand in the order in which they began.
  for (const AttemptReceipt& attempt : attempts()) {
    const std::uint32_t from = std::max(attempt.started, covered);
    const std::uint32_t to = end_of(attempt, now);
    if (to <= from) continue;
    sum += to - from;
    covered = to;
  }
  return std::chrono::microseconds(sum);
}

}  // namespace rocket
