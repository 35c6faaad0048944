#include "batch/batch_file.h"

#include <cstring>
#include <utility>

#include "base/sha256.h"

namespace rocket {
namespace {

constexpr std::string_view white_space = " \t\r";

}  // namespace

BatchFileCheck::BatchFileCheck(std::string endpoint, BatchFileLimits limits)
    : endpoint_(std::move(endpoint)), limits_(limits) {}

void BatchFileCheck::feed(std::string_view bytes) {
  while (!bytes.empty() && !hopeless_) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    position_ += piece.size();
    if (begun_.size() + piece.size() > limits_.line_bytes) {
      too_long_ = true;
      begun_.clear();
    }
    if (end == std::string_view::npos) {
      if (!too_long_) begun_.append(piece);
      return;
    }
    // Most lines are whole in what has been read: they are not copied.
    if (too_long_ || !begun_.empty()) {
      if (!too_long_) begun_.append(piece);
      end_line();
    } else {
      ++line_number_;
      check_line(piece);
    }
    position_ += 1;
    line_begin_ = position_;
    bytes.remove_prefix(end + 1);
  }
}

void BatchFileCheck::finish() {
  if (!begun_.empty() || too_long_) end_line();
  if (filled_lines_ == 0 && problems_.empty()) {
    add_problem({"empty_file", "The input file has no lines; give it one request a line.", "", {}});
  }
  names_.clear();
}

void BatchFileCheck::end_line() {
  ++line_number_;
  if (std::exchange(too_long_, false)) {
    ++filled_lines_;
    add_problem({"line_too_long",
                 "This line is longer than " + std::to_string(limits_.line_bytes) +
                     " bytes (batch.line_bytes).",
                 "", line_number_});
  } else {
    check_line(begun_);
  }
  begun_.clear();
  if (begun_.capacity() > limits_.line_bytes / 16) begun_.shrink_to_fit();
}

void BatchFileCheck::check_line(std::string_view text) {
  std::uint64_t offset = line_begin_;
  if (offset == 0 && text.starts_with(byte_order_mark)) {
    text.remove_prefix(byte_order_mark.size());
    offset += byte_order_mark.size();
  }
  if (text.find_first_not_of(white_space) == std::string_view::npos) return;
  if (++filled_lines_ > limits_.lines) {
    add_problem({"too_many_requests",
                 "The input file has more than " + std::to_string(limits_.lines) +
                     " lines (batch.lines); make several batches of it.",
                 "",
                 {}});
    hopeless_ = true;
    return;
  }
  auto line = read_batch_line(text, endpoint_);
  if (!line) {
    line.error().line = line_number_;
    add_problem(std::move(line.error()));
    return;
  }
  const Sha256 digest = sha256(line->custom_id);
  NameHash name;
  std::memcpy(name.data(), digest.data(), sizeof(name));
  if (!names_.insert(name).second) {
    add_problem({"duplicate_custom_id",
                 "The `custom_id` '" + shown(line->custom_id) +
                     "' has been used by a line before; every line needs its own.",
                 "custom_id", line_number_});
    return;
  }
  const LineKinship kinship = kinship_of(line->body);
  lines_.push_back({offset, static_cast<std::uint32_t>(text.size()),
                    number_of(kinship.model, models_), number_of(kinship.prefix, prefixes_)});
}

void BatchFileCheck::add_problem(BatchProblem problem) {
  problems_.push_back(std::move(problem));
  if (problems_.size() >= limits_.problems) hopeless_ = true;
}

std::uint32_t BatchFileCheck::number_of(std::uint64_t hash,
                                        std::unordered_map<std::uint64_t, std::uint32_t>& known) {
  return known.emplace(hash, static_cast<std::uint32_t>(known.size())).first->second;
}

}  // namespace rocket
