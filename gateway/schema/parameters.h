#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "schema/conversation.h"
#include "schema/json_pieces.h"
#include "schema/translation_loss.h"

namespace rocket {

// The dialect's name for a setting, of Ollama a member of `options`; empty: it has none.
[[nodiscard]] std::string_view parameter_name(Dialect dialect, Parameter parameter);

// Which setting the dialect means by this key.
[[nodiscard]] std::optional<Parameter> find_parameter(Dialect dialect, const JsonMember& member);

// Those of the conversation that the dialect has are written as members; the others are lost.
// `additions` and `unheeded` are of RequestFrame.
struct ParameterNames {
  Dialect dialect;
  bool additions = true;
  std::span<const std::string_view> unheeded{};
  std::optional<std::int64_t> limit{};  // of limit_that_fits
};
void write_parameters(ParameterNames names, const Conversation& conversation, JsonPieces& out,
                      TranslationLoss& loss);

}  // namespace rocket
