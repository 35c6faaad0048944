#include "testing/simulation_answers.h"

#include <algorithm>

namespace rocket {

std::string SimAnswers::judge(const SimAsked& asked, const AllAsked& all) const {
  if (asked.hung_up_at() != never) return {};
  const SimRequest& request = asked.request();
  if (!request.ended()) return "a request has not ended within its deadline";
  std::string wrong = asked.wrong();
  if (wrong.empty()) wrong = keys_.check(asked, all);
  if (!wrong.empty()) return wrong + calls_.story_of(asked.id());
  if (request.status() == 200) return judge_origin(asked);
  if (!sound_can_answer(asked) || keys_.refused(asked) || is_its_own(asked)) return {};
  if (plan_.hides_failures()) {
    return "a failure before the commit was visible: " + request.body() +
           calls_.story_of(asked.id());
  }
  return plan_.crowded ? judge_turned_away(asked) : "";
}

// The gateway tells the truth about who answered.
std::string SimAnswers::judge_origin(const SimAsked& asked) const {
  const std::string backend = asked.request().header("x-rocket-backend");
  if (asked.embeddings() || backend.empty()) return {};
  if (std::ranges::count(calls_.asked_for(asked.id()), backend) != 0) return {};
  return "x-rocket-backend names one that was not asked";
}

// Of those that could not even begin: the reason is that there was no place.
std::string SimAnswers::judge_turned_away(const SimAsked& asked) const {
  const SimRequest& request = asked.request();
  if (!request.header("x-rocket-attempts").empty()) return {};
  const std::string code = asked.error_code();
  // Not every dialect has a code for it.
  if (code == "no_place" ||
      (code.empty() && (request.status() == 503 || request.status() == 529))) {
    return {};
  }
  // What it shared a call for was tried, in the name of that call.
  if (asked.embeddings() && code == "overloaded") return {};
  if (code != "overloaded") return "a failure before the commit was visible: " + request.body();
  const bool waited = request.ended_at() - request.sent_at() > std::chrono::milliseconds(100);
  return waited ? "a request that was turned away had to wait for that" : "";
}

bool SimAnswers::sound_can_answer(const SimAsked& asked) const {
  if (!plan_.has_sound || !keys_.allows(asked, sound_name)) return false;
  // Nobody can ask Anthropic for vectors.
  return !asked.embeddings() || plan_.spec_of(sound_name).kind != BackendKind::anthropic;
}

// Refusals that concern the request: a model that has just gone, a backend that is not there or
// can not do that.
bool SimAnswers::is_its_own(const SimAsked& asked) const {
  const SimRequest& request = asked.request();
  const auto any = [&](const std::string& backend, auto is) {
    return std::ranges::any_of(calls_.hosts(), [&](const UpstreamCalls::Host& host) {
      return host.backend == backend && is(host);
    });
  };
  if (request.status() == 400) {
    return any(asked.hint(), [&](const UpstreamCalls::Host& host) {
      const bool speechless = asked.embeddings() && host.kind == FakeKind::anthropic;
      return speechless || !host.always_there;
    });
  }
  return request.status() == 404 &&
         any(request.header("x-rocket-backend"),
             [](const UpstreamCalls::Host& host) { return !host.has_all_models; });
}

}  // namespace rocket
