#include "proxy/routing.h"

namespace rocket {
namespace {

Result<void> add_hint(const Call& call, OpenAiRequest& request) {
  const auto header = call.request().head.headers.find("x-rocket-backend");
  if (!header || header->empty()) return {};
  if (!request.backend.empty() && request.backend != *header) {
    return fail(ErrorCode::invalid_field,
                "`backend` and the header x-rocket-backend name different backends; send one");
  }
  request.backend = *header;
  return {};
}

}  // namespace

Result<Routed> find_route(const Call& call) {
  if (const Call::Part* const part = call.part()) return Routed{part->request, part->route};
  auto request = read_openai_request(call.operation, call.request().body.text());
  if (!request) return std::unexpected(std::move(request.error()));
  const auto hinted = add_hint(call, *request);
  if (!hinted) return std::unexpected(hinted.error());
  auto route = call.current()->router->route(request->model, request->backend, call.loop().random,
                                             call.key_scope());
  if (!route) return std::unexpected(std::move(route.error()));
  return Routed{std::move(*request), std::move(*route)};
}

}  // namespace rocket
