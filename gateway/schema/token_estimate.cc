#include "schema/token_estimate.h"

namespace rocket {
namespace {

// What frames a turn, and a tool.
constexpr std::int64_t characters_per_turn = 16;
// Anthropic's price for an image of the largest size that it does not shrink.
constexpr std::int64_t characters_per_image = 1600 * characters_per_token;

std::int64_t size_of(std::string_view text) {
  return static_cast<std::int64_t>(text.size());
}

std::int64_t characters_of(const std::vector<Part>& parts) {
  std::int64_t characters = 0;
  for (const Part& part : parts) {
    if (part.kind == Part::Kind::image) {
      characters += characters_per_image;
      continue;
    }
    const bool has_text = part.media.source == Media::Source::text;
    characters += size_of(part.text.inside) + size_of(part.name.inside) + size_of(part.arguments);
    characters += has_text ? size_of(part.media.data.inside) : 0;
    characters += size_of(part.json) + characters_of(part.content);
  }
  return characters;
}

std::int64_t characters_of(const Conversation& conversation) {
  std::int64_t characters = 0;
  for (const Turn& turn : conversation.turns)
    characters += characters_per_turn + characters_of(turn.parts);
  for (const Tool& tool : conversation.tools) {
    characters += characters_per_turn + size_of(tool.name.inside) +
                  size_of(tool.description.inside) + size_of(tool.schema) + size_of(tool.json);
  }
  return characters;
}

}  // namespace

std::int64_t estimate_tokens(const Conversation& conversation) {
  return characters_of(conversation) / characters_per_token + 1;
}

std::optional<std::int64_t> limit_that_fits(const Conversation& conversation,
                                            std::int64_t context) {
  // Text has three to six; JSON and code hardly less, and only blanks more than eight.
  constexpr std::int64_t fewest_per_token = 3;
  constexpr std::int64_t most_per_token = 8;
  const std::string_view given = conversation.parameter(Parameter::max_tokens);
  const auto asked = JsonValue{JsonKind::number, given}.as_int();
  if (context == 0 || given.empty() || !asked) return std::nullopt;
  const std::int64_t characters = characters_of(conversation);
  if (*asked > context - characters / most_per_token) return 0;
  const std::int64_t fits = context - characters / fewest_per_token - 1;
  if (*asked <= fits || fits <= 0) return std::nullopt;
  return fits;
}

}  // namespace rocket
