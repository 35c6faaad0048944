#include "schema/legacy_functions.h"

#include <string>
#include <utility>

namespace rocket {

RawText LegacyCalls::begin(RawText function) {
  function_ = function;
  id_ = {kept_.keep("function_call_" + std::to_string(count_++))};
  return id_;
}

RawText LegacyCalls::end(RawText function) {
  const bool answers = function.empty() || function.decoded() == function_.decoded();
  return id_.empty() || !answers ? function : std::exchange(id_, {});
}

std::string_view legacy_stop_word(StopReason reason) {
  return reason == StopReason::tool_use ? "function_call" : stop_word(Dialect::chat, reason);
}

}  // namespace rocket
