#include "batch/batch_operations.h"

#include <cstdint>
#include <string>
#include <utility>

#include "batch/batch_events.h"
#include "batch/batch_ids.h"
#include "batch/batch_json.h"
#include "batch/batch_request.h"
#include "batch/page_query.h"
#include "batch/storage_error.h"
#include "batch/upload.h"

namespace rocket {
namespace {

constexpr std::string_view cancel_suffix = "/cancel";
constexpr std::string_view events_suffix = "/events";

Error not_found(std::string_view id) {
  constexpr std::size_t shown_max = 128;
  return {ErrorCode::batch_not_found,
          "No batch found with id '" + std::string(id.substr(0, shown_max)) + "'."};
}

// Why nobody would ask the lines of a batch that Ray shares out; empty: somebody does.
std::string_view paused(const Call& call, const BatchApi& api) {
  return api.ray.trouble(call.loop().io.timers.now());
}

StoredBatch new_batch(Call& call, BatchRequest request) {
  StoredBatch batch;
  batch.id = make_batch_id(call.loop().random);
  batch.owner = owner_of(call);
  batch.endpoint = std::move(request.endpoint);
  batch.input_file_id = std::move(request.input_file_id);
  batch.completion_window = std::move(request.completion_window);
  batch.metadata = std::move(request.metadata);
  batch.output_expires_after = request.output_expires_after;
  const LineEngine usual = call.current()->snapshot->config.batch.engine;
  batch.engine = to_string(request.engine.value_or(usual));
  batch.created_at = unix_now(call.loop().io.timers);
  batch.expires_at = batch.created_at + request.window_seconds;
  return batch;
}

// What a key has in the store at a time has a limit, like all else.
Result<void> check_unfinished(Store& store, const std::string& owner, std::uint32_t most) {
  const auto unfinished = store.unfinished_batches(owner);
  if (!unfinished) return std::unexpected(unfinished.error());
  if (*unfinished < most) return {};
  return fail(ErrorCode::rate_limit_exceeded,
              "there are " + std::to_string(*unfinished) +
                  " batches that have not ended, and a key may have " + std::to_string(most) +
                  " (batch.unfinished); wait until one ends, or cancel one");
}

Result<void> add_batch(Store& store, const StoredBatch& batch, std::uint32_t unfinished_most) {
  const auto file = store.find_file(batch.owner, batch.input_file_id);
  if (!file) return std::unexpected(file.error());
  const std::string shown = "`input_file_id`: the file '" + batch.input_file_id.substr(0, 128);
  if (!*file || ((*file)->expires_at != 0 && (*file)->expires_at <= batch.created_at)) {
    return fail(ErrorCode::invalid_field,
                shown + "' is not there; upload it with POST /v1/files and the purpose `batch`");
  }
  if ((*file)->purpose != "batch") {
    return fail(ErrorCode::invalid_field, shown + "' has the purpose `" + (*file)->purpose +
                                              "`; upload it with the purpose `batch`");
  }
  const auto checked = check_unfinished(store, batch.owner, unfinished_most);
  if (!checked) return checked;
  return store.add_batch(batch);
}

Task<void> create(Call& call, const BatchApi& api) {
  auto request = read_batch_request(call.request().body.text());
  if (!request) {
    call.send_error(request.error());
    co_return;
  }
  const StoredBatch batch = new_batch(call, *std::move(request));
  auto ask = [batch, most = call.current()->snapshot->config.batch.unfinished](Store& store) {
    return add_batch(store, batch, most);
  };
  const auto added = co_await api.stores.call(std::move(ask));
  if (!added) {
    send_storage_error(call, added.error());
    co_return;
  }
  api.look();
  call.send_json(200, write_batch(batch, paused(call, api)));
}

using Found = Result<std::optional<StoredBatch>>;

void answer_found(Call& call, const BatchApi& api, const Found& found, std::string_view id) {
  if (!found) {
    send_storage_error(call, found.error());
  } else if (!*found) {
    call.send_error(not_found(id));
  } else {
    call.send_json(200, write_batch(**found, paused(call, api)));
  }
}

Task<void> get(Call& call, const BatchApi& api) {
  std::string id = call.parameter;
  if (id.ends_with(events_suffix)) {
    id.resize(id.size() - events_suffix.size());
    co_await send_batch_events(call, api, std::move(id));
    co_return;
  }
  auto ask = [owner = owner_of(call), id](Store& store) { return store.find_batch(owner, id); };
  const auto found = co_await api.stores.look(std::move(ask));
  answer_found(call, api, found, id);
}

// One that is nearly done, or done, is not cancelled any more; one that is cancelled stays so.
Found cancel_batch(Store& store, std::string_view owner, std::string_view id, std::int64_t now) {
  while (true) {
    auto found = store.find_batch(owner, id);
    if (!found || !*found) return found;
    StoredBatch& batch = **found;
    const BatchStatus before = batch.status;
    if (before == BatchStatus::cancelling || before == BatchStatus::cancelled) return found;
    if (before != BatchStatus::validating && before != BatchStatus::in_progress) {
      return fail(
          ErrorCode::invalid_field,
          "a batch with the status `" + std::string(to_string(before)) + "` can not be cancelled");
    }
    batch.status = BatchStatus::cancelling;
    batch.cancelling_at = now;
    const auto changed = store.update_batch(batch, before);
    if (!changed) return std::unexpected(changed.error());
    if (*changed) return found;
  }
}

Task<void> cancel(Call& call, const BatchApi& api) {
  std::string id = call.parameter;
  if (!id.ends_with(cancel_suffix)) {
    call.send_error(
        {ErrorCode::path_not_found, "POST goes to /v1/batches and /v1/batches/ID/cancel"});
    co_return;
  }
  id.resize(id.size() - cancel_suffix.size());
  auto ask = [owner = owner_of(call), id, now = unix_now(call.loop().io.timers)](Store& store) {
    return cancel_batch(store, owner, id, now);
  };
  const auto found = co_await api.stores.look(std::move(ask));
  if (found && *found) api.look();
  answer_found(call, api, found, id);
}

Task<void> list(Call& call, const BatchApi& api) {
  const auto page = read_page_query(call.target.query, 20, 100);
  if (!page) {
    call.send_error(page.error());
    co_return;
  }
  auto ask = [owner = owner_of(call), page = *page](Store& store) {
    return store.list_batches(owner, page);
  };
  const auto listed = co_await api.stores.look(std::move(ask));
  if (!listed) {
    send_storage_error(call, listed.error());
    co_return;
  }
  call.send_json(200, write_batches(*listed, paused(call, api)));
}

}  // namespace

void add_batch_operations(Operations& operations, const BatchApi& api) {
  const auto answered_by = [&api](Task<void> (*answer)(Call&, const BatchApi&)) {
    return [answer, &api](Call& call) { return answer(call, api); };
  };
  operations.add({Method::post, "/v1/batches", Operation::batches, answered_by(create)});
  operations.add({Method::get, "/v1/batches", Operation::batches, answered_by(list)});
  operations.add({Method::get, "/v1/batches/", Operation::batch, answered_by(get)});
  operations.add({Method::post, "/v1/batches/", Operation::batch, answered_by(cancel)});
}

}  // namespace rocket
