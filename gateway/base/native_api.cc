#include "base/native_api.h"

namespace rocket {

std::string_view to_string(NativeApi api) {
  switch (api) {
    case NativeApi::responses: return "responses";
    case NativeApi::messages: return "messages";
    case NativeApi::count_tokens: return "count_tokens";
  }
  return "";
}

std::optional<NativeApi> native_api(std::string_view name) {
  for (const NativeApi one : all_native_apis) {
    if (to_string(one) == name) return one;
  }
  return std::nullopt;
}

}  // namespace rocket
