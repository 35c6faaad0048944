#include "proxy/anthropic_operations.h"

#include "proxy/exchange.h"
#include "proxy/routing.h"
#include "schema/anthropic_reader.h"
#include "schema/token_estimate.h"

namespace rocket {
namespace {

// By whoever can count; where nobody can, an estimate that says so.
Task<void> count_tokens(Call& call) {
  if (call.current()->router->awaits_models()) {
    co_await await_models(call);
  }
  const auto routed = find_route(call);
  if (!routed) {
    call.send_error(routed.error());
    co_return;
  }
  const auto counts = [](const Backend& backend) { return backend.counts_tokens; };
  if (any_backend(call, routed->route, counts)) {
    co_await run_exchange(call);
    co_return;
  }
  if (call.is_strict()) {
    call.send_error({ErrorCode::invalid_field,
                     "x-rocket-strict: no backend that has the model counts tokens, and an "
                     "estimate is no count; ask without x-rocket-strict"});
    co_return;
  }
  const auto conversation = read_anthropic_request(call.request().body.text());
  if (!conversation) {
    call.send_error(conversation.error());
    co_return;
  }
  const std::string tokens = std::to_string(estimate_tokens(*conversation));
  call.send_json(200, R"({"input_tokens":)" + tokens + "}",
                 "x-rocket-translation: emulated=input_tokens\r\n");
}

}  // namespace

void add_anthropic_operations(Operations& operations) {
  operations.add({Method::post, "/v1/messages", Operation::messages, run_exchange});
  operations.add(
      {Method::post, "/v1/messages/count_tokens", Operation::count_tokens, count_tokens});
}

}  // namespace rocket
