#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "schema/conversation.h"
#include "schema/splice.h"
#include "schema/token_usage.h"

// Several choices of one request (`n` of OpenAI's completions) for whom a backend gives one at a
// time: each is asked for by itself, and what comes of them is put together as the one answer that
// was asked for. Tokens are counted as OpenAI does: the prompt once, what was said all together.
namespace rocket {

// What makes a body ask for choice `index` alone: `n` is one, and a seed is another for each, or
// all would say the same. The first keeps it, as does everybody whose seed is negative, which local
// servers take for none.
[[nodiscard]] std::vector<Edit> edits_for_choice(std::string_view body, std::uint32_t index);
// The same of a conversation that was read from one.
void ask_for_choice(Conversation& conversation, std::uint32_t index);

// Whole answers, one for each choice, as one: what stands around the choices is the first one's.
// A completion of several prompts has the choices of the first prompt first.
class JoinedChoices {
 public:
  // Once. The answers are JSON objects and outlive this. Errors: upstream_garbage, if one has not
  // the choices that it should have.
  [[nodiscard]] Result<void> join(std::span<const std::string_view> answers);
  [[nodiscard]] const std::vector<std::string_view>& pieces() const { return pieces_; }

 private:
  struct Choice {
    std::uint64_t index;
    std::string_view json;
  };

  [[nodiscard]] Result<std::vector<Choice>> gather(std::span<const std::string_view> answers);
  void add_choices(const std::vector<Choice>& choices);
  void add_made(std::string text) { pieces_.push_back(kept_.keep(std::move(text))); }

  std::vector<std::string_view> pieces_;
  std::vector<TokenUsage> usages_;  // of those that tell
  KeptTexts kept_;
};

// Streams, one for each choice, as one: their events in the order in which they come, all of them
// under one id.
class ChoiceStreams {
 public:
  // `usage_asked`: the client wants to see it.
  ChoiceStreams(std::uint32_t choices, bool usage_asked)
      : choices_(choices), usage_asked_(usage_asked), usages_(choices) {}

  // Appends to `out` what the client is sent for an event of the choice's stream. False: it tells
  // of an error, and is not passed on. `data` is a JSON object, [DONE], or nothing; it
  // may have half of a character.
  [[nodiscard]] bool take(std::uint32_t choice, std::string_view data, std::string& out);
  // What the choice's stream has cost, if it has not said so itself.
  void count(std::uint32_t choice, const TokenUsage& usage);
  // When all streams have ended: how theirs ends.
  void finish(std::string& out) const;

 private:
  // What all events have in common, as JSON.
  struct Frame {
    std::string id;
    std::string object;
    std::string created;
    std::string model;
  };

  [[nodiscard]] bool has_frame() const { return !frame_.object.empty(); }
  void keep_frame(std::string_view data);

  std::uint32_t choices_;
  bool usage_asked_;
  Frame frame_;
  std::vector<TokenUsage> usages_;
};

}  // namespace rocket
