#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/timestamp.h"
#include "telemetry/outcome.h"
#include "telemetry/trace_context.h"

namespace rocket {

// What an attempt is at; its time is told phase by phase.
enum class Phase : unsigned char {
  connect,      // not of a connection that was kept
  send,         // until the request has gone out
  first_byte,   // until the head of the answer is there
  first_token,  // of a stream: until its first content
  rest,         // until the answer is there, of a stream: has been passed on
};
inline constexpr std::size_t phase_count = 5;
[[nodiscard]] std::string_view to_string(Phase phase);

// One try at one endpoint. Times are microseconds behind the request's begin, by the loop's clock,
// which moves once a turn.
struct AttemptReceipt {
  static constexpr std::uint32_t unknown = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint8_t no_candidate = 255;

  std::uint8_t candidate = no_candidate;
  std::uint8_t number = 0;  // among the request's attempts; tells their spans apart
  Phase phase = Phase::connect;
  bool ended = false;
  Outcome outcome = Outcome::ok;
  Blame blame = Blame::none;
  std::optional<ErrorCode> error;
  std::uint32_t started = 0;
  std::array<std::uint32_t, phase_count> until{unknown, unknown, unknown, unknown, unknown};

  [[nodiscard]] bool reached(Phase phase_asked) const {
    return until[static_cast<std::size_t>(phase_asked)] != unknown;
  }
  [[nodiscard]] std::uint32_t end() const;
};

// The account of one request: who might have answered and why who did, what was tried and how long
// each part of it took, what it cost. Nothing of the prompt or the answer.
//
// Of a fixed size and written in place while the request goes on; it owns nothing and refers only
// to words with static storage, so that it can be copied to another thread and outlive everything.
// What there is too much of is left out and counted. Filled in by the request's loop.
class Receipt {
 public:
  static constexpr std::size_t candidates_max = 8;
  static constexpr std::size_t attempts_max = 8;

  struct Begin {
    std::string_view id;
    std::string_view operation;  // a word of ours
    TimePoint at;
  };
  explicit Receipt(const Begin& begin) : operation(begin.operation), begun(begin.at) {
    id_ = keep(begin.id);
  }

  // The one that a client asked for, and then the one that answers.
  void set_model(std::string_view name) {
    name = name.substr(0, model_bytes_max);
    if (model() != name && has_room(name.size())) model_ = keep(name);
    if (asked_.size == 0) asked_ = model_;
  }
  void set_key(std::string_view name) { key_ = keep(name); }

  // An endpoint was looked at: a lower score is better, and `why_not` says why it is not chosen, if
  // it is not. What is said of one later replaces it, but nothing what is said of one that was
  // chosen. Both words are ours, with static storage.
  struct Look {
    std::string_view endpoint;
    double score;
    std::string_view why_not;
  };
  void look_at(const Look& look);
  // Of those that were looked at. False: it was left out.
  [[nodiscard]] bool choose(std::string_view endpoint, std::string_view why);
  // One that was left out has the place of one that was not chosen.
  void choose_left_out(const Look& look);

  // Null: there have been too many.
  [[nodiscard]] AttemptReceipt* begin_attempt(std::string_view endpoint, TimePoint now);
  void enter(AttemptReceipt& attempt, Phase phase, TimePoint now) const {
    attempt.until[static_cast<std::size_t>(attempt.phase)] = micros(now);
    attempt.phase = phase;
  }
  void end(AttemptReceipt& attempt, TimePoint now) const {
    enter(attempt, attempt.phase, now);
    attempt.ended = true;
  }

  struct Candidate {
    std::string_view endpoint;
    double score;
    std::string_view why;
    bool chosen;
  };
  [[nodiscard]] std::string_view id() const { return text_of(id_); }
  [[nodiscard]] std::string_view asked_model() const { return text_of(asked_); }
  [[nodiscard]] std::string_view model() const { return text_of(model_); }
  [[nodiscard]] std::string_view key() const { return text_of(key_); }
  [[nodiscard]] std::size_t candidates() const { return candidate_count_; }
  [[nodiscard]] Candidate candidate(std::size_t index) const;
  [[nodiscard]] std::span<const AttemptReceipt> attempts() const {
    return {attempts_.data(), attempt_count_};
  }
  // The endpoint's id; empty: it is not among the candidates that are known.
  [[nodiscard]] std::string_view endpoint_of(const AttemptReceipt& attempt) const;
  // How long an attempt was under way, all together: those side by side count once.
  [[nodiscard]] Duration engine_time(TimePoint now) const;
  // Of an attempt that is going on: as far as it has come.
  [[nodiscard]] std::uint32_t end_of(const AttemptReceipt& attempt, TimePoint now) const {
    return attempt.ended ? attempt.end() : micros(now);
  }

  std::string_view operation;
  std::string_view lane;
  std::string_view provider;  // the kind of the backend asked last
  TimePoint begun;
  Duration total{};
  Duration queue{};
  Duration media{};  // fetching the files that the request names
  // What Rocket took for itself, by the real clock: from waking up with the request until the
  // upstream had been written to, and from waking up with the answer (of a stream: with its first
  // token, and with its end) until the client had been.
  Duration gateway{};
  WallTime ended_at{};
  std::uint64_t sequence = 0;  // of its book
  bool under_way = true;
  bool streamed = false;
  bool tokens_known = false;
  Outcome outcome = Outcome::ok;
  Blame blame = Blame::none;
  std::int32_t status = 0;
  std::uint8_t candidates_left_out = 0;
  std::uint8_t attempts_left_out = 0;
  std::int64_t tokens_in = 0;
  std::int64_t tokens_out = 0;
  std::int64_t tokens_cached = 0;
  // Its span, if it has one: trace.span is this request's, `parent_span` the caller's or 0. Without
  // a span trace.span is 0.
  TraceContext trace;
  std::uint64_t parent_span = 0;

  [[nodiscard]] std::uint64_t span_of(const AttemptReceipt& attempt) const {
    return trace.span + 1 + attempt.number;
  }

 private:
  static constexpr std::size_t text_bytes_max = 368;
  static constexpr std::size_t model_bytes_max = 96;

  struct Text {
    std::uint16_t begin = 0;
    std::uint16_t size = 0;
  };
  // Trivial, so that those that are not used cost nothing.
  struct Seen {
    Text endpoint;
    float score;
    const char* why;
    std::uint8_t why_size;
    bool chosen;
  };

  [[nodiscard]] std::uint32_t micros(TimePoint now) const {
    constexpr std::int64_t most = AttemptReceipt::unknown - 1;
    const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - begun).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(passed, 0, most));
  }
  [[nodiscard]] std::string_view text_of(Text text) const {
    return {text_.data() + text.begin, text.size};
  }
  [[nodiscard]] bool has_room(std::size_t bytes) const {
    return bytes <= text_bytes_max - text_used_;
  }
  // As much of it as there is room for.
  Text keep(std::string_view text);
  [[nodiscard]] Seen* find(std::string_view endpoint);
  static void say(Seen& seen, std::string_view why) {
    seen.why = why.data();
    seen.why_size = static_cast<std::uint8_t>(why.size());
  }

  Text id_;
  Text asked_;
  Text model_;
  Text key_;
  std::uint16_t text_used_ = 0;
  std::uint8_t candidate_count_ = 0;
  std::uint8_t attempt_count_ = 0;
  std::array<Seen, candidates_max> candidates_;
  std::array<AttemptReceipt, attempts_max> attempts_;
  std::array<char, text_bytes_max> text_;
};

}  // namespace rocket
