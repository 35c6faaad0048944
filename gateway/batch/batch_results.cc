#include "batch/batch_results.h"

#include <memory>
#include <utility>

#include "batch/batch_ids.h"

namespace rocket {
namespace {

constexpr std::uint32_t page_lines = 64;

std::int64_t wall_seconds(const BatchSurroundings& around) {
  const auto since = around.loop.io.timers.wall_now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

StoredFile file_of(const BatchSurroundings& around, const StoredBatch& batch, bool errors) {
  const StoreConfig& config = around.loop.current->snapshot->config.store;
  const std::int64_t now = wall_seconds(around);
  const std::int64_t expiry =
      batch.output_expires_after != 0
          ? batch.output_expires_after
          : std::chrono::duration_cast<std::chrono::seconds>(config.expiry).count();
  return {.id = result_file_id(batch.id, errors ? "errors" : "answers"),
          .owner = batch.owner,
          .filename = batch.id + (errors ? "_error.jsonl" : "_output.jsonl"),
          .purpose = "batch_output",
          .bytes = 0,
          .created_at = now,
          .expires_at = expiry == 0 ? 0 : now + expiry};
}

// One that has been added before a crash is there already.
Task<Result<void>> add(const BatchSurroundings& around, StoredFile file) {
  auto ask = [file = std::move(file)](Store& store) -> Result<void> {
    const auto known = store.find_file(file.owner, file.id);
    if (!known) return std::unexpected(known.error());
    return *known ? Result<void>() : store.add_file(file);
  };
  auto added = co_await around.stores.call(std::move(ask));
  co_return added;
}

}  // namespace

Task<Result<std::string>> write_results(const BatchSurroundings& around, const StoredBatch& batch,
                                        BatchFiles::Results results) {
  const bool errors = results == BatchFiles::Results::errors;
  StoredFile file = file_of(around, batch, errors);
  auto create = [files = &around.files, id = file.id, results] {
    return files->create(id, results);
  };
  auto created = co_await around.work.call(around.disk, std::move(create));
  if (!created) co_return std::unexpected(std::move(created.error()));
  const std::shared_ptr<BatchOutput> output = *std::move(created);
  std::int64_t after = -1;
  while (true) {
    auto ask = [id = batch.id, errors, after](Store& store) {
      return store.results(id, errors, after, page_lines);
    };
    auto page = co_await around.stores.call(std::move(ask));
    if (!page) co_return std::unexpected(std::move(page.error()));
    if (page->empty()) break;
    after = page->back().line;
    auto append = [output, page = *std::move(page)] {
      std::string text;
      for (const LineResult& result : page)
        text += result.json + '\n';
      return output->append(text);
    };
    auto appended = co_await around.work.call(around.disk, std::move(append));
    if (!appended) co_return std::unexpected(std::move(appended.error()));
  }
  auto finish = [output] { return output->finish(); };
  auto bytes = co_await around.work.call(around.disk, std::move(finish));
  if (!bytes) co_return std::unexpected(std::move(bytes.error()));
  file.bytes = *bytes;
  const std::string id = file.id;
  auto added = co_await add(around, std::move(file));
  if (!added) co_return std::unexpected(std::move(added.error()));
  co_return id;
}

}  // namespace rocket
