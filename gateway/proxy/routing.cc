#include "proxy/routing.h"

namespace rocket {
namespace {

// How late a call may learn that another endpoint has been asked.
constexpr Duration look_again = std::chrono::milliseconds(10);

}  // namespace

Result<void> add_hint(const Call& call, std::string& backend) {
  const auto header = call.request().head.headers.find("x-rocket-backend");
  if (!header || header->empty()) return {};
  if (call.request().head.headers.count("x-rocket-backend") > 1) {
    return fail(ErrorCode::invalid_field, "the header x-rocket-backend stands twice; send it once");
  }
  if (!backend.empty() && backend != *header) {
    return fail(ErrorCode::invalid_field,
                "`backend` and the header x-rocket-backend name different backends; send one");
  }
  backend = *header;
  return {};
}

Task<void> await_models(Call& call) {
  LoopState& loop = call.loop();
  Timers& timers = loop.io.timers;
  const TimePoint began = timers.now();
  const TimePoint until = deadline_after(began, call.current()->snapshot->config.timeouts.queue);
  while (call.current()->router->awaits_models()) {
    const auto routed = find_route(call);
    if (routed || routed.error().code != ErrorCode::no_backend) break;
    while (loop.current == call.current() && timers.now() < until) {
      co_await SleepUntil(timers, std::min(until, timers.now() + look_again));
    }
    if (timers.now() >= until || !call.take_up_models()) break;
  }
  call.account().queue += timers.now() - began;
}

void send_no_such_model(Call& call, std::string words) {
  if (call.current()->router->awaits_models()) {
    call.send_error(models_not_known_yet());
  } else {
    call.send_error({ErrorCode::model_not_found, std::move(words)});
  }
}

Result<Routed> find_route(const Call& call) {
  if (const Call::Part* const part = call.part()) return Routed{part->request, part->route};
  auto request = read_openai_request(call.operation, call.request().body.text());
  if (!request) return std::unexpected(std::move(request.error()));
  const auto hinted = add_hint(call, request->backend);
  if (!hinted) return std::unexpected(hinted.error());
  auto route = call.current()->router->route(request->model, request->backend, call.loop().random,
                                             call.key_scope());
  if (!route) return std::unexpected(std::move(route.error()));
  return Routed{std::move(*request), std::move(*route)};
}

}  // namespace rocket
