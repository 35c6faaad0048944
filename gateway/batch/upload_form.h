#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/multipart.h"

namespace rocket {

// The form that POST /v1/files takes, read while it arrives: what its fields say, and the bytes of
// its file. Fields that nobody knows are passed over, as OpenAI does.
class UploadForm {
 public:
  UploadForm(std::string_view boundary, std::uint64_t file_bytes_max)
      : reader_(boundary), file_bytes_max_(file_bytes_max) {}

  // Appends the bytes of the file among these to `out`. Errors: bad_request, invalid_field,
  // body_too_large.
  [[nodiscard]] Result<void> feed(std::string_view bytes, std::string& out);
  // The body has ended: invalid_field if something is missing or wrong.
  [[nodiscard]] Result<void> finish() const;

  [[nodiscard]] const std::string& filename() const { return filename_; }
  [[nodiscard]] const std::string& purpose() const { return purpose_; }
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }
  // After finish(): when a file that was made at `now` expires (Unix seconds); 0: never. `usual`:
  // how many seconds a batch's file has whose upload does not say, 0: for ever.
  [[nodiscard]] std::int64_t expires_at(std::int64_t now, std::int64_t usual) const;

 private:
  [[nodiscard]] Result<void> begin_part();
  [[nodiscard]] Result<void> take_text(std::string& out);
  [[nodiscard]] Result<void> check_expiry() const;
  [[nodiscard]] std::optional<std::int64_t> seconds_asked() const;

  MultipartReader reader_;
  std::uint64_t file_bytes_max_;
  bool in_file_ = false;
  bool has_file_ = false;
  std::string* field_ = nullptr;  // the one that is being read; null: it does not matter
  std::string filename_;
  std::string purpose_;
  std::string expiry_;  // all of expires_after in one field, as JSON; else in the two below
  std::string anchor_;
  std::string seconds_;
  std::uint64_t file_bytes_ = 0;
};

}  // namespace rocket
