#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/records.h"

namespace rocket {

// What must survive the process: which files and batches there are, and the journal of the
// batches' lines. Everything is durable when a call returns. Calls block: one thread makes them
// all. Errors: store_unavailable (locked, unreachable, not writable), store_full (no space left);
// the detail says where and what to do. Nothing has changed then.
//
// An `owner` sees its own alone: what belongs to another is as if it were not there.
class Store {
 public:
  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  struct Page {
    std::string after{};  // the id of the last one that was seen; empty: from the beginning
    std::uint32_t limit = 20;
    bool oldest_first = false;
    std::string purpose{};  // of files; empty: any
    std::int64_t now = 0;   // files whose time has come by then are not there
  };
  // One that is not there is invalid_field naming `after`.
  template <class T>
  struct Listed {
    std::vector<T> items;
    bool more = false;
  };

  [[nodiscard]] virtual Result<void> add_file(const StoredFile& file) = 0;
  [[nodiscard]] virtual Result<std::optional<StoredFile>> find_file(std::string_view owner,
                                                                    std::string_view id) = 0;
  [[nodiscard]] virtual Result<Listed<StoredFile>> list_files(std::string_view owner,
                                                              const Page& page) = 0;
  // Its time has come, whatever the clock says. Whether it was there at `now`.
  [[nodiscard]] virtual Result<bool> expire_file(std::string_view owner, std::string_view id,
                                                 std::int64_t now) = 0;
  // Whether a batch that has not ended is to read it.
  [[nodiscard]] virtual Result<bool> is_read(std::string_view id) = 0;
  // Whether it was there; not if it is_read().
  [[nodiscard]] virtual Result<bool> remove_file(std::string_view owner, std::string_view id) = 0;
  // At most so many whose time has come and that no batch is to read any more, of all owners.
  [[nodiscard]] virtual Result<std::vector<StoredFile>> expired_files(std::int64_t now,
                                                                      std::uint32_t limit) = 0;

  [[nodiscard]] virtual Result<void> add_batch(const StoredBatch& batch) = 0;
  [[nodiscard]] virtual Result<std::optional<StoredBatch>> find_batch(std::string_view owner,
                                                                      std::string_view id) = 0;
  [[nodiscard]] virtual Result<Listed<StoredBatch>> list_batches(std::string_view owner,
                                                                 const Page& page) = 0;
  // Everything but the counts and tokens becomes as told, if the batch's status is still `from`.
  // Whether it was. One that has ended by that has no journal of its lines any more.
  [[nodiscard]] virtual Result<bool> update_batch(const StoredBatch& batch, BatchStatus from) = 0;

  // Those of the owner that have not ended.
  [[nodiscard]] virtual Result<std::uint64_t> unfinished_batches(std::string_view owner) = 0;
  // Removes at most `limit` of those that have ended before, of all owners, the oldest first. How
  // many it were.
  [[nodiscard]] virtual Result<std::uint32_t> remove_ended_batches(std::int64_t before,
                                                                   std::uint32_t limit) = 0;

  // Those of that engine that have not ended, of all owners, the oldest first.
  [[nodiscard]] virtual Result<std::vector<StoredBatch>> batches_at_work(
      std::string_view engine) = 0;

  // By so many milliseconds the clocks of those who share a store differ at most.
  static constexpr std::int64_t clocks_differ = 60'000;

  // A batch that has not ended is worked on by who holds its lease. Takes, or takes over once it
  // has run out, the leases of at most `limit` of them, the oldest first; times are Unix
  // milliseconds. One that ends later than any that could be taken now has been taken before the
  // clock was set back, and has run out. Also extends what `holder` holds already if asked by
  // extend_lease(); false: it is another's by now.
  [[nodiscard]] virtual Result<std::vector<StoredBatch>> take_leases(std::string_view holder,
                                                                     std::int64_t now,
                                                                     std::int64_t until,
                                                                     std::uint32_t limit) = 0;
  [[nodiscard]] virtual Result<bool> extend_lease(std::string_view id, std::string_view holder,
                                                  std::int64_t until) = 0;
  [[nodiscard]] virtual Result<void> give_lease(std::string_view id, std::string_view holder) = 0;

  // A batch in progress has one driver of a job of Ray's, if any. Becomes `driver`, or stays so,
  // until `until`, unless another cluster has one until then, or the same one a later one. Times
  // are as those of leases, and run out as they do. Whether it is.
  [[nodiscard]] virtual Result<bool> take_job(std::string_view id, const JobDriver& driver,
                                              std::int64_t now, std::int64_t until) = 0;

  // The journal. Each call is one transaction, so the caller groups. Of a batch that has ended no
  // line is begun, nor by a `holder` who has not its lease (empty: who needs none):
  // batch_not_found.
  [[nodiscard]] virtual Result<void> begin_lines(std::string_view id,
                                                 std::span<const std::uint32_t> lines,
                                                 std::string_view holder) = 0;
  // They were called off by a process that lives on: it was not they who have ended it.
  [[nodiscard]] virtual Result<void> unbegin_lines(std::string_view id,
                                                   std::span<const std::uint32_t> lines) = 0;
  // A line that has a result keeps it for ever: another is dropped, and so is whatever comes after
  // the batch's end. Counts and tokens of the batch grow by what was new. How many were.
  [[nodiscard]] virtual Result<std::uint32_t> finish_lines(std::string_view id,
                                                           std::span<const LineResult> results) = 0;
  // The same for whoever does not hold the batch's lease: nothing is taken, and the answer is 0,
  // unless the batch is in progress. Whoever ends it may have written its files by then.
  [[nodiscard]] virtual Result<std::uint32_t> offer_lines(std::string_view id,
                                                          std::span<const LineResult> results) = 0;
  // Bit `line` is set for each line that has a result.
  [[nodiscard]] virtual Result<std::vector<bool>> finished_lines(std::string_view id) = 0;
  [[nodiscard]] virtual Result<std::vector<BegunLine>> begun_lines(std::string_view id) = 0;
  // At most `limit` results behind line `after` (-1: from the first), answers or errors, by line.
  [[nodiscard]] virtual Result<std::vector<LineResult>> results(std::string_view id, bool errors,
                                                                std::int64_t after,
                                                                std::uint32_t limit) = 0;

  // All files together, of all owners; each counts for `least` bytes at least.
  [[nodiscard]] virtual Result<std::uint64_t> file_bytes(std::uint64_t least) = 0;
  // Which of these are the ids of files, of any owner.
  [[nodiscard]] virtual Result<std::vector<std::string>> known_files(
      std::span<const std::string> ids) = 0;

  // Nothing can be asked of it any more; it has to be opened anew.
  [[nodiscard]] virtual bool lost() const { return false; }

 protected:
  Store() = default;
};

}  // namespace rocket
