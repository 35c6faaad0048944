#include "testing/memory_store.h"

#include <algorithm>
#include <utility>

namespace rocket {
namespace {

void add(BatchTokens& sum, const BatchTokens& more) {
  sum.input += more.input;
  sum.cached += more.cached;
  sum.output += more.output;
  sum.reasoning += more.reasoning;
}

bool is_over(const StoredFile& file, std::int64_t now) {
  return file.expires_at != 0 && file.expires_at <= now;
}

}  // namespace

// Newest first, unless asked otherwise; `after` may be one that is not wanted.
template <class T, class Wanted>
Result<Store::Listed<T>> MemoryStore::page_of(std::vector<T> own, const Page& page, Wanted wanted) {
  if (!page.oldest_first) std::ranges::reverse(own);
  auto begin = own.begin();
  if (!page.after.empty()) {
    begin = std::ranges::find(own, page.after, &T::id);
    if (begin == own.end()) {
      return fail(ErrorCode::invalid_field, "`after` is the id of nothing that is there");
    }
    ++begin;
  }
  Listed<T> listed;
  for (; begin != own.end(); ++begin) {
    if (!wanted(*begin)) continue;
    listed.more = listed.items.size() == page.limit;
    if (listed.more) break;
    listed.items.push_back(*begin);
  }
  return listed;
}

MemoryStore::Batch* MemoryStore::batch(std::string_view id) {
  const auto found =
      std::ranges::find_if(batches_, [&](const Batch& one) { return one.stored.id == id; });
  return found == batches_.end() ? nullptr : &*found;
}

Result<void> MemoryStore::add_file(const StoredFile& file) {
  const auto checked = check();
  if (!checked) return checked;
  if (std::ranges::find(files_, file.id, &StoredFile::id) != files_.end()) {
    return fail(ErrorCode::store_unavailable, "there is a file of that id");
  }
  files_.push_back(file);
  return {};
}

Result<std::optional<StoredFile>> MemoryStore::find_file(std::string_view owner,
                                                         std::string_view id) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  for (const StoredFile& file : files_) {
    if (file.owner == owner && file.id == id) return file;
  }
  return std::nullopt;
}

Result<Store::Listed<StoredFile>> MemoryStore::list_files(std::string_view owner,
                                                          const Page& page) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::vector<StoredFile> own;
  for (const StoredFile& file : files_) {
    if (file.owner == owner) own.push_back(file);
  }
  return page_of(std::move(own), page, [&](const StoredFile& file) {
    return (page.purpose.empty() || file.purpose == page.purpose) && !is_over(file, page.now);
  });
}

Result<bool> MemoryStore::expire_file(std::string_view owner, std::string_view id,
                                      std::int64_t now) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  for (StoredFile& file : files_) {
    if (file.owner != owner || file.id != id || is_over(file, now)) continue;
    file.expires_at = 1;
    return true;
  }
  return false;
}

Result<bool> MemoryStore::is_read(std::string_view id) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  return has_reader(id);
}

bool MemoryStore::has_reader(std::string_view file) const {
  return std::ranges::any_of(batches_, [&](const Batch& one) {
    return one.stored.input_file_id == file && !has_ended(one.stored.status);
  });
}

Result<bool> MemoryStore::remove_file(std::string_view owner, std::string_view id) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  return std::erase_if(files_, [&](const StoredFile& file) {
           return file.owner == owner && file.id == id && !has_reader(id);
         }) != 0;
}

Result<std::vector<StoredFile>> MemoryStore::expired_files(std::int64_t now, std::uint32_t limit) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::vector<StoredFile> expired;
  for (const StoredFile& file : files_) {
    if (is_over(file, now) && !has_reader(file.id)) expired.push_back(file);
  }
  std::ranges::sort(expired, {}, &StoredFile::expires_at);
  if (expired.size() > limit) expired.resize(limit);
  return expired;
}

Result<void> MemoryStore::add_batch(const StoredBatch& batch) {
  const auto checked = check();
  if (checked) batches_.emplace_back().stored = batch;
  return checked;
}

Result<std::optional<StoredBatch>> MemoryStore::find_batch(std::string_view owner,
                                                           std::string_view id) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  const Batch* const found = batch(id);
  if (found == nullptr || found->stored.owner != owner) return std::nullopt;
  return found->stored;
}

Result<Store::Listed<StoredBatch>> MemoryStore::list_batches(std::string_view owner,
                                                             const Page& page) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::vector<StoredBatch> own;
  for (const Batch& one : batches_) {
    if (one.stored.owner == owner) own.push_back(one.stored);
  }
  return page_of(std::move(own), page, [](const StoredBatch&) { return true; });
}

Result<bool> MemoryStore::update_batch(const StoredBatch& updated, BatchStatus from) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  Batch* const found = batch(updated.id);
  if (found == nullptr || found->stored.status != from) return false;
  StoredBatch next = updated;
  next.completed = found->stored.completed;
  next.failed = found->stored.failed;
  next.tokens = found->stored.tokens;
  next.job_cluster = found->stored.job_cluster;
  next.job_until = found->stored.job_until;
  found->stored = std::move(next);
  if (has_ended(found->stored.status)) {
    found->begun.clear();
    found->results.clear();
  }
  return true;
}

Result<std::uint64_t> MemoryStore::unfinished_batches(std::string_view owner) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::uint64_t count = 0;
  for (const Batch& one : batches_) {
    if (one.stored.owner == owner && !has_ended(one.stored.status)) ++count;
  }
  return count;
}

Result<std::uint32_t> MemoryStore::remove_ended_batches(std::int64_t before, std::uint32_t limit) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::uint32_t removed = 0;
  std::erase_if(batches_, [&](const Batch& one) {
    const StoredBatch& stored = one.stored;
    const std::int64_t end = std::max({stored.created_at, stored.failed_at, stored.completed_at,
                                       stored.expired_at, stored.cancelled_at});
    if (removed == limit || !has_ended(stored.status) || end >= before) return false;
    ++removed;
    return true;
  });
  return removed;
}

Result<std::vector<StoredBatch>> MemoryStore::batches_at_work(std::string_view engine) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::vector<StoredBatch> at_work;
  for (const Batch& one : batches_) {
    if (!has_ended(one.stored.status) && one.stored.engine == engine) at_work.push_back(one.stored);
  }
  return at_work;
}

Result<std::vector<StoredBatch>> MemoryStore::take_leases(std::string_view holder, std::int64_t now,
                                                          std::int64_t until, std::uint32_t limit) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::vector<StoredBatch> taken;
  for (Batch& one : batches_) {
    if (taken.size() == limit) break;
    const bool held = one.until > now && one.until <= until + clocks_differ;
    if (has_ended(one.stored.status) || held) continue;
    one.holder = holder;
    one.until = until;
    taken.push_back(one.stored);
  }
  return taken;
}

Result<bool> MemoryStore::extend_lease(std::string_view id, std::string_view holder,
                                       std::int64_t until) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  Batch* const found = batch(id);
  if (found == nullptr || found->holder != holder) return false;
  found->until = until;
  return true;
}

Result<void> MemoryStore::give_lease(std::string_view id, std::string_view holder) {
  const auto checked = check();
  if (!checked) return checked;
  Batch* const found = batch(id);
  if (found != nullptr && found->holder == holder) {
    found->holder.clear();
    found->until = 0;
  }
  return {};
}

Result<bool> MemoryStore::take_job(std::string_view id, const JobDriver& driver, std::int64_t now,
                                   std::int64_t until) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  Batch* const found = batch(id);
  if (found == nullptr || found->stored.status != BatchStatus::in_progress) return false;
  StoredBatch& stored = found->stored;
  const bool held = stored.job_until > now && stored.job_until <= until + clocks_differ;
  const bool same = stored.job_cluster == driver.cluster && found->job_driver <= driver.number;
  if (held && !same) return false;
  stored.job_cluster = driver.cluster;
  stored.job_until = until;
  found->job_driver = driver.number;
  return true;
}

Result<void> MemoryStore::begin_lines(std::string_view id, std::span<const std::uint32_t> lines,
                                      std::string_view holder) {
  const auto checked = check();
  if (!checked) return checked;
  Batch* const found = batch(id);
  if (found == nullptr || has_ended(found->stored.status)) return fail(ErrorCode::batch_not_found);
  if (!holder.empty() && found->holder != holder) return fail(ErrorCode::batch_not_found);
  // One that stands twice is begun once.
  for (const std::uint32_t line : std::set(lines.begin(), lines.end())) {
    if (!found->results.contains(line)) ++found->begun[line];
  }
  return {};
}

Result<void> MemoryStore::unbegin_lines(std::string_view id, std::span<const std::uint32_t> lines) {
  const auto checked = check();
  if (!checked) return checked;
  Batch* const found = batch(id);
  if (found == nullptr) return fail(ErrorCode::batch_not_found);
  for (const std::uint32_t line : lines) {
    const auto begun = found->begun.find(line);
    if (begun != found->begun.end()) --begun->second;
  }
  return {};
}

Result<std::uint32_t> MemoryStore::finish_lines(std::string_view id,
                                                std::span<const LineResult> results) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  Batch* const found = batch(id);
  if (found == nullptr) return fail(ErrorCode::batch_not_found);
  if (has_ended(found->stored.status)) return 0;
  std::uint32_t fresh = 0;
  for (const LineResult& result : results) {
    if (!found->results.emplace(result.line, result).second) continue;
    ++fresh;
    ++(result.error ? found->stored.failed : found->stored.completed);
    add(found->stored.tokens, result.tokens);
  }
  return fresh;
}

Result<std::uint32_t> MemoryStore::offer_lines(std::string_view id,
                                               std::span<const LineResult> results) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  const Batch* const found = batch(id);
  if (found == nullptr || found->stored.status != BatchStatus::in_progress) return 0;
  return finish_lines(id, results);
}

Result<std::vector<bool>> MemoryStore::finished_lines(std::string_view id) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::vector<bool> finished;
  const Batch* const found = batch(id);
  if (found == nullptr) return fail(ErrorCode::batch_not_found);
  for (const auto& [line, result] : found->results) {
    if (line >= finished.size()) finished.resize(line + 1);
    finished[line] = true;
  }
  return finished;
}

Result<std::vector<BegunLine>> MemoryStore::begun_lines(std::string_view id) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::vector<BegunLine> begun;
  const Batch* const found = batch(id);
  if (found == nullptr) return fail(ErrorCode::batch_not_found);
  for (const auto& [line, times] : found->begun) {
    if (!found->results.contains(line)) begun.push_back({line, times});
  }
  return begun;
}

Result<std::vector<LineResult>> MemoryStore::results(std::string_view id, bool errors,
                                                     std::int64_t after, std::uint32_t limit) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::vector<LineResult> page;
  const Batch* const found = batch(id);
  if (found == nullptr) return page;
  for (const auto& [line, result] : found->results) {
    if (page.size() == limit) break;
    if (std::int64_t{line} > after && result.error == errors) page.push_back(result);
  }
  return page;
}

Result<std::uint64_t> MemoryStore::file_bytes(std::uint64_t least) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::uint64_t bytes = 0;
  for (const StoredFile& file : files_)
    bytes += std::max(file.bytes, least);
  return bytes;
}

Result<std::vector<std::string>> MemoryStore::known_files(std::span<const std::string> ids) {
  const auto checked = check();
  if (!checked) return std::unexpected(checked.error());
  std::vector<std::string> known;
  for (const std::string& id : ids) {
    if (std::ranges::find(files_, id, &StoredFile::id) != files_.end()) known.push_back(id);
  }
  return known;
}

}  // namespace rocket
