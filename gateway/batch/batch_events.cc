#include "batch/batch_events.h"

#include <utility>

#include "batch/batch_json.h"
#include "batch/storage_error.h"
#include "batch/upload.h"
#include "proxy/error_response.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

constexpr Duration look_again = std::chrono::milliseconds(500);

std::string event(std::string_view name, std::string_view data) {
  return "event: " + std::string(name) + "\ndata: " + std::string(data) + "\n\n";
}

// False: the client is gone.
Task<bool> send(Call& call, std::string text, bool last) {
  const std::string_view piece = text;
  call.response().write({&piece, 1}, last);
  if (!call.response().blocked()) co_return call.response().alive();
  const bool alive = co_await call.response().drained();
  co_return alive;
}

void begin(Call& call) {
  std::string lines = call.common_lines();
  append_header(lines, "content-type", "text/event-stream");
  lines += "x-accel-buffering: no\r\n";
  call.response().start_stream(200, lines);
}

}  // namespace

Task<void> send_batch_events(Call& call, const BatchApi& api, std::string id) {
  Timers& timers = call.loop().io.timers;
  const std::string owner = owner_of(call);
  const Duration heartbeat = call.heartbeat();
  const Error missing{ErrorCode::batch_not_found, "No batch found with id '" + id + "'."};
  std::string told;
  TimePoint told_at = timers.now();
  while (true) {
    auto ask = [owner, id](Store& store) { return store.find_batch(owner, id); };
    const auto found = co_await api.stores.look(std::move(ask));
    if (told.empty() && (!found || !*found)) {
      send_storage_error(call, found ? missing : found.error());
      co_return;
    }
    if (found && !*found) {
      const std::string error = write_error_body(call.dialect, rocket::told(missing, call.id()));
      co_await send(call, event("error", error), true);
      call.close_account(Outcome::error, meaning_of(missing.code).blame);
      co_return;
    }
    if (told.empty() && call.request().head.method == Method::head) {
      begin(call);
      call.response().write({}, true);
      break;
    }
    const bool known = found && *found;
    std::string text;
    const std::string now =
        known ? write_batch(**found, api.ray.trouble(timers.now())) : std::string();
    if (known && told != now) {
      if (told.empty()) begin(call);
      told = now;
      text = event("progress", told);
    } else if (heartbeat != Duration::zero() && timers.now() - told_at >= heartbeat) {
      text = ": still here\n\n";
    }
    const bool last = call.loop().draining || (known && has_ended((*found)->status));
    if (known && has_ended((*found)->status)) text += event("end", "{}");
    if (!text.empty() || last) {
      told_at = timers.now();
      const bool alive = co_await send(call, std::move(text), last);
      if (!alive) co_return;
    }
    if (last) break;
    co_await SleepUntil(timers, timers.now() + look_again);
  }
  call.close_account(Outcome::ok, Blame::none);
}

}  // namespace rocket
