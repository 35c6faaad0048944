#include "batch/batch_input.h"

namespace rocket {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1024} * 1024;

}  // namespace

Result<std::vector<std::string>> BatchInput::read(std::span<const std::uint32_t> which) const {
  std::vector<std::string> texts;
  for (const std::uint32_t line : which) {
    std::string& text = texts.emplace_back(lines[line].length, '\0');
    const auto got = source->read(lines[line].offset, text);
    if (!got) return std::unexpected(got.error());
    if (*got != text.size()) {
      return fail(ErrorCode::store_unavailable, "the file of a batch has become shorter");
    }
  }
  return texts;
}

Result<bool> InputReading::step() {
  buffer_.resize(piece_bytes);
  const auto got = source_->read(offset_, buffer_);
  if (!got) return std::unexpected(got.error());
  offset_ += *got;
  check_.feed(std::string_view(buffer_).substr(0, *got));
  if (*got == buffer_.size() && !check_.hopeless()) return true;
  check_.finish();
  std::string().swap(buffer_);
  return false;
}

}  // namespace rocket
