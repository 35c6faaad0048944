#include "schema/prompt.h"

#include <algorithm>
#include <array>

#include "wire/json.h"

namespace rocket {
namespace {

bool is_image(const JsonValue& part) {
  const auto type = json_find(part.text, "type");
  // OpenAI's chat, its Responses, Anthropic's.
  constexpr std::array<std::string_view, 3> types{"image_url", "input_image", "image"};
  return type &&
         std::ranges::any_of(types, [&](std::string_view one) { return type->string_is(one); });
}

}  // namespace

bool has_images(std::string_view prompt) {
  // Nearly always there is nothing more to do. Nobody writes a type with escapes in it.
  if (!prompt.contains("image")) return false;
  for (const JsonValue& message : json_elements(prompt)) {
    const auto content = json_find(message.text, "content");
    if (!content || content->kind != JsonKind::array) continue;
    for (const JsonValue& part : json_elements(content->text)) {
      if (is_image(part)) return true;
    }
  }
  return false;
}

std::uint64_t count_characters(std::string_view prompt) {
  constexpr size_t unicode_escape_bytes = 6;  // \u00e4
  std::uint64_t count = 0;
  for (size_t i = 0; i < prompt.size(); ++i) {
    const auto byte = static_cast<unsigned char>(prompt[i]);
    if ((byte & 0xc0U) == 0x80U) continue;  // inside of a character
    ++count;
    if (byte != '\\' || i + 1 == prompt.size()) continue;
    i += prompt[i + 1] == 'u' ? unicode_escape_bytes - 1 : 1;
  }
  return count;
}

}  // namespace rocket
