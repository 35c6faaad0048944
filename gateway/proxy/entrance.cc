#include "proxy/entrance.h"

namespace rocket {

Entrance::Entrance(LoopState& loop, const Current& current, const Route& route, Chooser& chooser,
                   const Who& who)
    : Waiting(loop.admission, who.lane, who.key),
      timers_(loop.io.timers),
      admission_(loop.admission),
      current_(current),
      route_(route),
      chooser_(chooser),
      who_(who) {
  chooser_.set_lane(who.lane);
}

Result<void> Entrance::seek(Duration wait_most) {
  // So long one waits for a place where nobody else's model has to go for it.
  constexpr Duration patience = std::chrono::seconds(2);
  give_up();
  company_ = false;
  patient_until_ = deadline_after(timers_.now(), patience);
  // Those who wait have the first choice; what they can not use is no reason to wait as well.
  admission_.look();
  if (try_start()) return {};
  if (wait_most == Duration::zero()) {
    return fail(ErrorCode::overloaded,
                "every endpoint that could answer has as much to do as it may, and timeouts.queue "
                "lets nobody wait; try again after the time in retry-after");
  }
  return enter(wait_most);
}

// Company is not sent wherever others may be sent; who is in his route may start where others can
// not.
Result<void> Entrance::enter(Duration wait_most) {
  set_places(chooser_.places() + (company_ ? 1U : 0U) + (in_route_ ? 2U : 0U));
  return admission_.enter(*this, wait_most);
}

bool Entrance::try_start() {
  if (route_.places != nullptr && !in_route_ && route_.places->full(who_.lane)) return false;
  // Who has failed once is sent where it will go well: others may try out who is on trial.
  found_.reset();
  if (!chooser_.tried().empty()) found_ = find(Effort::proven);
  if (!found_) found_ = find(Effort::normal);
  if (found_) return true;
  if (company_) return !overtaken_ && !chooser_.has_full(Effort::normal);
  if (!overtaken_ && timers_.now() >= patient_until_) found_ = find(Effort::any);
  if (found_) return true;
  if (overtaken_ || chooser_.has_full(Effort::normal)) return false;
  found_ = find(Effort::last_resort);
  return found_.has_value() || (!overtaken_ && !chooser_.has_full(Effort::last_resort));
}

std::optional<Entrance::Found> Entrance::company(bool forsaken) {
  if (waits()) return std::nullopt;
  if (found_) return take();
  auto found = find(Effort::proven);
  if (!found) found = find(Effort::normal);
  company_ = !found && chooser_.has_full(Effort::normal);
  if (!found && !company_ && forsaken) found = find(Effort::last_resort);
  // Those who wait have had nobody yet: no place is taken before their turn.
  if (company_ && !enter(Duration::max())) company_ = false;
  return found;
}

std::optional<Entrance::Found> Entrance::find(Effort effort) {
  overtaken_ = false;
  const auto chosen = chooser_.choose(effort, who_.streamed);
  if (!chosen) return std::nullopt;
  const size_t index = chosen->target.candidate->backend;
  Endpoint& endpoint = *current_.endpoints[index][chosen->target.endpoint].endpoint;
  Capacity& of_backend = *current_.snapshot->backends[index].places;
  Admission::Permit permit = admission_.take(endpoint.places, of_backend, who_.lane);
  if (permit && route_.places != nullptr && !in_route_) {
    in_route_ = admission_.take(*route_.places, who_.lane);
    if (!in_route_) permit.release();
  }
  overtaken_ = !permit;
  if (!permit) return std::nullopt;
  return Found{*chosen, std::move(permit)};
}

}  // namespace rocket
