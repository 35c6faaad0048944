#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/body.h"
#include "batch/line_retry.h"
#include "proxy/call.h"

namespace rocket {

// A request of the gateway's own on behalf of somebody who is not connected: a line of a batch, a
// prompt of several. An exchange like any other, in the lowest lane: it is logged and counted, has
// a receipt, and keeps the scope and the limits of the key that it is made for.
struct LineQuestion {
  std::string_view owner;  // the name of the key; empty: none is needed, or was
  Operation operation = Operation::chat_completions;
  std::string_view body;
  std::string_view backend{};  // asked for instead of what the body says; empty: nothing
  bool strict = false;         // only of a backend that can be told all of it
  bool takes_turns = false;    // fewer are asked when so many at once are too many
};

// What would have gone to a client.
struct LineAnswer {
  int status = 503;
  std::string request_id{};
  Body body{};
  bool asked = false;   // a backend was, and heard it
  bool nobody = false;  // could be reached who would have had to be
  std::optional<Duration> retry_after{};
  std::string backend{};
  // Nobody is known to have the model, but some server has not been heard of.
  bool unsettled = false;
  // Refused because so many at once are all there may be: another time is as soon as one has ended.
  std::optional<std::uint32_t> concurrent_limit{};
  std::string translation{};  // what was lost on the way, as x-rocket-translation names it
};

// What `question` views outlives it. Destroying it calls the request off. Whose key is not known
// any more gets 401.
[[nodiscard]] Task<LineAnswer> ask_line(LoopState& loop, LineQuestion question);

// The operation behind a path that batches may ask for: chat completions, completions, embeddings
// and responses.
[[nodiscard]] std::optional<Operation> batch_operation(std::string_view endpoint);

}  // namespace rocket
