#pragma once

#include <algorithm>
#include <string>

#include "policy/router.h"
#include "proxy/call.h"
#include "schema/openai_request.h"

namespace rocket {

// What a call asks for, and who may answer it. The route's names belong to call.current().
struct Routed {
  OpenAiRequest request;
  Route route;
};

// Reads the call's body and finds its route; `backend` and x-rocket-backend are the same hint.
// Errors: those of read_openai_request and Router::route; invalid_field for two hints that differ.
[[nodiscard]] Result<Routed> find_route(const Call& call);

// What the header x-rocket-backend names beside what the body does. Errors: invalid_field for two
// that differ.
[[nodiscard]] Result<void> add_hint(const Call& call, std::string& backend);

// Right after the start, and after a reload that brings endpoints, some have not been asked for
// their models yet. A call that nobody who is known could answer waits until they have been:
// timeouts.queue at most, and as long as this configuration is in force.
[[nodiscard]] Task<void> await_models(Call& call);

// Answers who asks about a model that nobody is known to have: model_not_found, in those words, or
// that it is not known yet.
void send_no_such_model(Call& call, std::string words);

// One of the route's backends is such a one.
template <class Test>
[[nodiscard]] bool any_backend(const Call& call, const Route& route, Test test) {
  return std::ranges::any_of(route.candidates, [&](const Candidate* candidate) {
    return test(call.current()->snapshot->backends[candidate->backend]);
  });
}

}  // namespace rocket
