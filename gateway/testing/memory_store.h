#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/store.h"

namespace rocket {

// A store that is gone when its process is: for tests whose clock is simulated. Does what the
// others do; it can be made to refuse.
class MemoryStore final : public Store {
 public:
  // From now on every call fails with this; nothing: they work again.
  void refuse(std::optional<Error> with) { refusal_ = std::move(with); }

  [[nodiscard]] Result<void> add_file(const StoredFile& file) override;
  [[nodiscard]] Result<std::optional<StoredFile>> find_file(std::string_view owner,
                                                            std::string_view id) override;
  [[nodiscard]] Result<Listed<StoredFile>> list_files(std::string_view owner,
                                                      const Page& page) override;
  [[nodiscard]] Result<bool> expire_file(std::string_view owner, std::string_view id,
                                         std::int64_t now) override;
  [[nodiscard]] Result<bool> is_read(std::string_view id) override;
  [[nodiscard]] Result<bool> remove_file(std::string_view owner, std::string_view id) override;
  [[nodiscard]] Result<std::vector<StoredFile>> expired_files(std::int64_t now,
                                                              std::uint32_t limit) override;
  [[nodiscard]] Result<void> add_batch(const StoredBatch& batch) override;
  [[nodiscard]] Result<std::optional<StoredBatch>> find_batch(std::string_view owner,
                                                              std::string_view id) override;
  [[nodiscard]] Result<Listed<StoredBatch>> list_batches(std::string_view owner,
                                                         const Page& page) override;
  [[nodiscard]] Result<bool> update_batch(const StoredBatch& batch, BatchStatus from) override;
  [[nodiscard]] Result<std::uint64_t> unfinished_batches(std::string_view owner) override;
  [[nodiscard]] Result<std::uint32_t> remove_ended_batches(std::int64_t before,
                                                           std::uint32_t limit) override;
  [[nodiscard]] Result<std::vector<StoredBatch>> batches_at_work(std::string_view engine) override;
  [[nodiscard]] Result<std::vector<StoredBatch>> take_leases(std::string_view holder,
                                                             std::int64_t now, std::int64_t until,
                                                             std::uint32_t limit) override;
  [[nodiscard]] Result<bool> extend_lease(std::string_view id, std::string_view holder,
                                          std::int64_t until) override;
  [[nodiscard]] Result<void> give_lease(std::string_view id, std::string_view holder) override;
  [[nodiscard]] Result<bool> take_job(std::string_view id, const JobDriver& driver,
                                      std::int64_t now, std::int64_t until) override;
  [[nodiscard]] Result<void> begin_lines(std::string_view id, std::span<const std::uint32_t> lines,
                                         std::string_view holder) override;
  [[nodiscard]] Result<void> unbegin_lines(std::string_view id,
                                           std::span<const std::uint32_t> lines) override;
  [[nodiscard]] Result<std::uint32_t> finish_lines(std::string_view id,
                                                   std::span<const LineResult> results) override;
  [[nodiscard]] Result<std::uint32_t> offer_lines(std::string_view id,
                                                  std::span<const LineResult> results) override;
  [[nodiscard]] Result<std::vector<bool>> finished_lines(std::string_view id) override;
  [[nodiscard]] Result<std::vector<BegunLine>> begun_lines(std::string_view id) override;
  [[nodiscard]] Result<std::vector<LineResult>> results(std::string_view id, bool errors,
                                                        std::int64_t after,
                                                        std::uint32_t limit) override;
  [[nodiscard]] Result<std::uint64_t> file_bytes(std::uint64_t least) override;
  [[nodiscard]] Result<std::vector<std::string>> known_files(
      std::span<const std::string> ids) override;

 private:
  struct Batch {
    StoredBatch stored;
    std::string holder;
    std::int64_t until = 0;
    std::uint32_t job_driver = 0;
    std::map<std::uint32_t, std::uint32_t> begun;
    std::map<std::uint32_t, LineResult> results;
  };

  template <class T, class Wanted>
  [[nodiscard]] static Result<Listed<T>> page_of(std::vector<T> own, const Page& page,
                                                 Wanted wanted);
  [[nodiscard]] Result<void> check() const {
    if (refusal_) return std::unexpected(*refusal_);
    return {};
  }
  [[nodiscard]] Batch* batch(std::string_view id);
  [[nodiscard]] bool has_reader(std::string_view file) const;

  std::optional<Error> refusal_;
  std::vector<StoredFile> files_;  // in the order in which they came
  std::vector<Batch> batches_;
};

}  // namespace rocket
