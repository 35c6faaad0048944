#include "batch/vault_files.h"

#include <utility>

namespace rocket {
namespace {

class VaultSource final : public BatchSource {
 public:
  explicit VaultSource(std::unique_ptr<FileVault::Reader> reader) : reader_(std::move(reader)) {}
  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset,
                                         std::span<char> into) const override {
    return reader_->read(offset, into);
  }

 private:
  std::unique_ptr<FileVault::Reader> reader_;
};

class VaultOutput final : public BatchOutput {
 public:
  explicit VaultOutput(std::unique_ptr<FileVault::Writer> writer) : writer_(std::move(writer)) {}
  [[nodiscard]] Result<void> append(std::string_view bytes) override {
    return writer_->write(bytes);
  }
  [[nodiscard]] Result<std::uint64_t> finish() override {
    const auto committed = writer_->commit();
    if (!committed) return std::unexpected(committed.error());
    return writer_->bytes();
  }

 private:
  std::unique_ptr<FileVault::Writer> writer_;
};

}  // namespace

Result<std::unique_ptr<BatchSource>> VaultFiles::open_input(const StoredBatch& batch) {
  auto reader = vault_.open(batch.input_file_id);
  if (!reader) return std::unexpected(std::move(reader.error()));
  return std::make_unique<VaultSource>(*std::move(reader));
}

Result<std::unique_ptr<BatchOutput>> VaultFiles::create(const std::string& file_id, Results) {
  auto writer = vault_.create(file_id);
  if (!writer) return std::unexpected(std::move(writer.error()));
  return std::make_unique<VaultOutput>(*std::move(writer));
}

}  // namespace rocket
