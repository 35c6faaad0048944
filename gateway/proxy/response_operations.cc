#include "proxy/response_operations.h"

#include <algorithm>
#include <charconv>

#include "proxy/exchange.h"
#include "proxy/response_history.h"
#include "schema/responses_list.h"
#include "wire/http_writer.h"
#include "wire/json.h"

namespace rocket {
namespace {

constexpr std::string_view list_suffix = "/input_items";
constexpr std::string_view id_prefix = "resp_";

Error not_found(std::string_view id) {
  constexpr size_t shown_max = 128;
  return {ErrorCode::response_not_found,
          "Response with id '" + std::string(id.substr(0, shown_max)) +
              "' not found; it was not to be stored, has been deleted, or has been forgotten"};
}

// Null, and the call is answered: there is none.
ResponseStore* store_of(Call& call) {
  ResponseStore* const store = call.current()->snapshot->responses.get();
  if (store == nullptr) {
    call.send_error({ErrorCode::invalid_field,
                     "this gateway keeps no responses (responses.store); nothing can be asked of "
                     "one after its request"});
  }
  return store;
}

Result<ListPage> read_page(const std::string& query, std::string& after) {
  constexpr size_t limit_max = 100;
  ListPage page;
  if (const auto limit = query_value(query, "limit")) {
    const char* const end = limit->data() + limit->size();
    const auto read = std::from_chars(limit->data(), end, page.limit);
    const bool whole = read.ec == std::errc() && read.ptr == end;
    if (!whole || page.limit < 1 || page.limit > limit_max) {
      return fail(ErrorCode::invalid_field, "`limit` must be a number from 1 to 100");
    }
  }
  const std::string order = query_value(query, "order").value_or("desc");
  if (order != "asc" && order != "desc") {
    return fail(ErrorCode::invalid_field, "`order` must be asc or desc");
  }
  page.ascending = order == "asc";
  after = query_value(query, "after").value_or("");
  page.after = after;
  return page;
}

// What is sent stays where it is until the client has taken it.
Task<void> send_until_taken(Call& call, std::string_view text) {
  std::string lines = call.common_lines();
  append_header(lines, "content-type", "application/json");
  call.response().send(200, lines, {&text, 1});
  call.close_account(Outcome::ok, Blame::none);
  if (call.response().blocked()) co_await call.response().drained(call.taken_by());
}

Result<std::string> list_items(const Call& call, ResponseStore& store, std::string_view id) {
  std::string after;
  const auto page = read_page(call.target.query, after);
  if (!page) return std::unexpected(page.error());
  const auto links = store.conversation(id, response_owner(call), call.loop().io.timers.now());
  if (!links) {
    const bool itself = links.error() == ResponseStore::Missing::itself;
    return std::unexpected(
        itself ? not_found(id)
               : Error{ErrorCode::response_not_found,
                       "what this response continues is not kept any more, so that its items can "
                       "not be listed"});
  }
  std::vector<ListedResponse> conversation;
  for (const ResponseStore::Link& link : *links) {
    conversation.push_back(
        {std::string_view(link->id).substr(id_prefix.size()), link->input, link->output()});
  }
  return write_item_list(conversation, *page);
}

Task<void> send_items(Call& call, ResponseStore& store, std::string_view id) {
  const auto list = list_items(call, store, id);
  if (!list) {
    call.send_error(list.error());
    co_return;
  }
  const auto held = call.loop().bodies.take(list->size());
  if (!held) {
    call.send_error({ErrorCode::overloaded, {}});
    co_return;
  }
  co_await send_until_taken(call, *list);
}

Task<void> get(Call& call) {
  ResponseStore* const store = store_of(call);
  if (store == nullptr) co_return;
  std::string_view id = call.parameter;
  if (id.ends_with(list_suffix)) {
    id.remove_suffix(list_suffix.size());
    co_await send_items(call, *store, id);
    co_return;
  }
  if (query_value(call.target.query, "stream") == "true") {
    call.send_error({ErrorCode::invalid_field,
                     "`stream` is for responses in the background, which are not served; leave it "
                     "out to get the whole response"});
    co_return;
  }
  const auto found = store->find(id, response_owner(call), call.loop().io.timers.now());
  if (!found) {
    call.send_error(not_found(id));
    co_return;
  }
  co_await send_until_taken(call, found->text);
}

Task<void> remove(Call& call) {
  ResponseStore* const store = store_of(call);
  if (store == nullptr) co_return;
  const bool erased =
      store->erase(call.parameter, response_owner(call), call.loop().io.timers.now());
  if (erased) {
    call.send_json(
        200, R"({"id":)" + json_quoted(call.parameter) + R"(,"object":"response","deleted":true})");
  } else {
    call.send_error(not_found(call.parameter));
  }
}

}  // namespace

void add_response_operations(Operations& operations) {
  operations.add({Method::post, "/v1/responses", Operation::responses, run_exchange});
  operations.add({Method::get, "/v1/responses/", Operation::response, get});
  operations.add({Method::del, "/v1/responses/", Operation::response, remove});
}

}  // namespace rocket
