#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "batch/storage.h"
#include "batch/upload_form.h"
#include "proxy/call.h"

namespace rocket {

// One POST /v1/files: the file goes to the disk as it arrives, and belongs to its client once it
// is there and the store knows of it. Destroyed before, it leaves nothing.
class Upload {
 public:
  Upload(Call& call, StorageAccess& access);
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  ~Upload();

  // The file, or why there is none: what is wrong with the request, store_full, store_unavailable,
  // overloaded.
  [[nodiscard]] Task<Result<StoredFile>> receive();

 private:
  [[nodiscard]] Result<void> check_announced() const;
  [[nodiscard]] Task<Result<void>> make_room();
  [[nodiscard]] Task<Result<void>> begin_file();
  [[nodiscard]] Task<Result<void>> take_body();
  [[nodiscard]] Task<Result<void>> take_incoming(IncomingBody& incoming);
  [[nodiscard]] Task<Result<void>> write_out();
  [[nodiscard]] Task<Result<void>> commit();
  [[nodiscard]] Task<Result<StoredFile>> add_to_store();

  Call& call_;
  StorageAccess& access_;
  WorkThread& thread_;  // everything about this file happens there, in order
  std::unique_ptr<UploadForm> form_;
  StoredFile file_;
  std::shared_ptr<FileVault::Writer> writer_;  // shared with what is being done on the thread
  bool told_ = false;                          // the store may know of the file
  std::string buffer_;
  ByteBudget::Hold buffer_hold_;
  ByteBudget::Hold arriving_;
};

// Whose files and batches a call may see: the name of its key, and nothing where there are no keys.
[[nodiscard]] std::string owner_of(const Call& call);

// "file-" and 32 hexadecimal digits.
[[nodiscard]] std::string make_file_id(Random& random);

// Unix seconds, now.
[[nodiscard]] std::int64_t unix_now(const Timers& timers);

// What each file counts for at least, however small it is.
inline constexpr std::uint64_t file_bytes_least = 4096;

}  // namespace rocket
