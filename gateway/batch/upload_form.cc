#include "batch/upload_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "wire/json.h"

namespace rocket {
namespace {

constexpr std::size_t field_bytes_max = 1024;
constexpr std::size_t filename_bytes_max = 512;
// https://developers.openai.com/api/reference/resources/files/methods/create
constexpr std::array<std::string_view, 6> purposes{"assistants", "batch",     "evals",
                                                   "fine-tune",  "user_data", "vision"};
constexpr std::int64_t expiry_least = 3600;
constexpr std::int64_t expiry_most = 2'592'000;

Result<void> check_purpose(std::string_view purpose) {
  if (std::ranges::find(purposes, purpose) != purposes.end()) return {};
  return fail(ErrorCode::invalid_field,
              fmt::format("`purpose` must be one of {}", fmt::join(purposes, ", ")));
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

// Of an object, if the text is one.
std::optional<JsonValue> member_of(std::string_view text, std::string_view key) {
  const auto whole = parse_json(text);
  if (!whole || whole->kind != JsonKind::object) return std::nullopt;
  return json_find(whole->text, key);
}

}  // namespace

Result<void> UploadForm::feed(std::string_view bytes, std::string& out) {
  while (true) {
    const auto found = reader_.next(bytes);
    if (!found) return std::unexpected(found.error());
    switch (*found) {
      case MultipartReader::Found::more: return {};
      case MultipartReader::Found::end: break;
      case MultipartReader::Found::part: {
        const auto begun = begin_part();
        if (!begun) return begun;
        break;
      }
      case MultipartReader::Found::bytes: {
        const auto taken = take_text(out);
        if (!taken) return taken;
        break;
      }
    }
  }
}

Result<void> UploadForm::begin_part() {
  const PartHead& head = reader_.head();
  in_file_ = head.name == "file";
  field_ = head.name == "purpose"                  ? &purpose_
           : head.name == "expires_after"          ? &expiry_
           : head.name == "expires_after[anchor]"  ? &anchor_
           : head.name == "expires_after[seconds]" ? &seconds_
                                                   : nullptr;
  if (field_ != nullptr && !field_->empty()) {
    return fail(ErrorCode::invalid_field, "the form has `" + head.name + "` twice");
  }
  if (!in_file_) return {};
  // Usually it comes first: then nobody has to send the file to find out.
  if (!purpose_.empty()) {
    const auto fit = check_purpose(purpose_);
    if (!fit) return fit;
  }
  if (has_file_) return fail(ErrorCode::invalid_field, "the form has `file` twice");
  if (!head.filename) {
    return fail(ErrorCode::invalid_field, "`file` must be a file, with a filename");
  }
  if (head.filename->size() > filename_bytes_max) {
    return fail(ErrorCode::invalid_field, "the name of `file` is longer than 512 bytes");
  }
  has_file_ = true;
  filename_ = *head.filename;
  return {};
}

Result<void> UploadForm::take_text(std::string& out) {
  const std::string_view text = reader_.text();
  if (in_file_) {
    file_bytes_ += text.size();
    if (file_bytes_ > file_bytes_max_) {
      return fail(ErrorCode::body_too_large,
                  fmt::format("the file is larger than the {} bytes that store.file_bytes allows",
                              file_bytes_max_));
    }
    out += text;
  } else if (field_ != nullptr) {
    *field_ += text;
    if (field_->size() > field_bytes_max) {
      return fail(ErrorCode::invalid_field, "a field of the form is longer than 1024 bytes");
    }
  }
  return {};
}

Result<void> UploadForm::finish() const {
  const auto whole = reader_.finish();
  if (!whole) return whole;
  if (!has_file_) return fail(ErrorCode::invalid_field, "the form has no `file`");
  if (file_bytes_ == 0) return fail(ErrorCode::invalid_field, "`file` is empty");
  const auto fit = check_purpose(purpose_);
  if (!fit) return fit;
  return check_expiry();
}

Result<void> UploadForm::check_expiry() const {
  const auto seconds = seconds_asked();
  const bool fits = seconds && *seconds >= expiry_least && *seconds <= expiry_most;
  if (!expiry_.empty()) {
    if (!anchor_.empty() || !seconds_.empty()) {
      return fail(ErrorCode::invalid_field, "the form has `expires_after` twice");
    }
    const auto anchor = member_of(expiry_, "anchor");
    if (fits && anchor && anchor->string_is("created_at")) return {};
    return fail(ErrorCode::invalid_field,
                "`expires_after` must be {\"anchor\": \"created_at\", \"seconds\": N}, with N from "
                "3600 to 2592000");
  }
  if (anchor_.empty() && seconds_.empty()) return {};
  if (anchor_ != "created_at") {
    return fail(ErrorCode::invalid_field, "`expires_after[anchor]` must be created_at");
  }
  if (fits) return {};
  return fail(ErrorCode::invalid_field,
              "`expires_after[seconds]` must be a number from 3600 to 2592000");
}

std::optional<std::int64_t> UploadForm::seconds_asked() const {
  if (expiry_.empty()) return number_of(seconds_);
  const auto seconds = member_of(expiry_, "seconds");
  return seconds ? seconds->as_int() : std::nullopt;
}

std::int64_t UploadForm::expires_at(std::int64_t now, std::int64_t usual) const {
  const std::int64_t seconds =
      seconds_asked().value_or(purpose_ == "batch" ? usual : std::int64_t{0});
  return seconds == 0 ? 0 : now + seconds;
}

}  // namespace rocket
