#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/sql_connection.h"
#include "store/store.h"

namespace rocket {

// The store in a database that speaks SQL: each call is a transaction.
class SqlStore final : public Store {
 public:
  // Makes the tables, or brings them up to date. Errors as migrate().
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(
      std::unique_ptr<SqlConnection> connection);

  // Of tables that are up to date.
  explicit SqlStore(std::unique_ptr<SqlConnection> connection)
      : connection_(std::move(connection)) {}

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
  [[nodiscard]] bool lost() const override { return connection_->lost(); }

 private:
  template <class Work>
  [[nodiscard]] auto read(Work&& work) {
    return in_transaction(*connection_, SqlConnection::Access::read, work);
  }
  template <class Work>
  [[nodiscard]] auto write(Work&& work) {
    return in_transaction(*connection_, SqlConnection::Access::write, work);
  }

  std::unique_ptr<SqlConnection> connection_;
};

}  // namespace rocket
