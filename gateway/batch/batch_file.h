#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "batch/batch_line.h"

namespace rocket {

// Where one line of a batch's file stands, and whom it belongs together with.
struct IndexedLine {
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  std::uint32_t model = 0;   // lines of the same number ask for the same model
  std::uint32_t prefix = 0;  // and of these those of the same number begin alike

  bool operator==(const IndexedLine&) const = default;
};

// What editors and spreadsheets put in front of a file in UTF-8. It belongs to no line.
inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

struct BatchFileLimits {
  std::uint32_t lines = 50'000;
  std::size_t line_bytes = std::size_t{20} * 1024 * 1024;
  std::size_t problems = 100;  // more are not looked for
};

// Checks the file of a batch as its bytes come, in whatever pieces, and makes an index of it: 20
// bytes a line, and while it is checked a hash of each name. Holds one line at a time.
//
// The file is a line of JSON (batch_line.h) after the other; lines without anything in them are
// passed over, and so is a byte order mark in front of all. It has no problems, or it is no batch.
class BatchFileCheck {
 public:
  BatchFileCheck(std::string endpoint, BatchFileLimits limits);

  void feed(std::string_view bytes);
  // The file has ended.
  void finish();

  // What comes now does not matter any more.
  [[nodiscard]] bool hopeless() const { return hopeless_; }
  [[nodiscard]] const std::vector<BatchProblem>& problems() const { return problems_; }
  // In the order of the file; its lines are counted from 0 from here on.
  [[nodiscard]] std::vector<IndexedLine> take_lines() { return std::move(lines_); }

 private:
  // 128 bits of a digest: whoever wrote the file can not make two different names meet.
  using NameHash = std::array<std::uint64_t, 2>;

  void end_line();
  void check_line(std::string_view text);
  void add_problem(BatchProblem problem);
  [[nodiscard]] std::uint32_t number_of(std::uint64_t hash,
                                        std::unordered_map<std::uint64_t, std::uint32_t>& known);

  const std::string endpoint_;
  const BatchFileLimits limits_;
  std::string begun_;  // the line that has not ended yet, or what its limit leaves of it
  bool too_long_ = false;
  bool hopeless_ = false;
  std::uint64_t line_begin_ = 0;
  std::uint64_t position_ = 0;
  std::uint32_t line_number_ = 0;
  std::uint32_t filled_lines_ = 0;
  std::set<NameHash> names_;
  std::unordered_map<std::uint64_t, std::uint32_t> models_;
  std::unordered_map<std::uint64_t, std::uint32_t> prefixes_;
  std::vector<IndexedLine> lines_;
  std::vector<BatchProblem> problems_;
};

}  // namespace rocket
