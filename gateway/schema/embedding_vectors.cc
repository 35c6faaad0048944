#include "schema/embedding_vectors.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/base64.h"
#include "wire/json.h"

namespace rocket {
namespace {

void append_float(std::string& bytes, float number) {
  auto bits = std::bit_cast<std::uint32_t>(number);
  for (int i = 0; i < 4; ++i) {
    bytes += static_cast<char>(bits & 0xffU);
    bits >>= 8U;
  }
}

// False: not of numbers that fit.
bool append_vector(std::string& out, std::string_view list) {
  std::string bytes;
  for (const JsonValue& element : json_elements(list)) {
    const auto number = element.as_double();
    if (!number || std::abs(*number) > std::numeric_limits<float>::max()) return false;
    append_float(bytes, static_cast<float>(*number));
  }
  Base64Encoder encoder;
  out += '"';
  const bool written = encoder.encode(bytes, [&](std::string_view piece) {
    out += piece;
    return true;
  });
  out += encoder.finish();
  out += '"';
  return written;
}

}  // namespace

std::optional<std::string> vectors_in_base64(std::string_view answer) {
  std::string out;
  size_t taken = 0;
  const auto data = json_find(answer, "data");
  if (!data) return std::nullopt;
  for (const JsonValue& element : json_elements(data->text)) {
    const auto vector = json_find(element.text, "embedding");
    if (!vector || vector->kind != JsonKind::array) continue;
    const auto at = static_cast<size_t>(vector->text.data() - answer.data());
    out += answer.substr(taken, at - taken);
    if (!append_vector(out, vector->text)) return std::nullopt;
    taken = at + vector->text.size();
  }
  if (taken == 0) return std::nullopt;
  out += answer.substr(taken);
  return out;
}

}  // namespace rocket
