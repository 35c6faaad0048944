#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "batch/batch_file.h"
#include "store/records.h"

namespace rocket {

// Places in the order in which a batch's lines are asked (asking_order), from `from` on, without
// `to`. What is shared out among nodes are such ranges, never lines or their texts.
struct BlockRange {
  std::uint32_t from = 0;
  std::uint32_t to = 0;

  bool operator==(const BlockRange&) const = default;
};

// What a driver asks for: to be told what has no result yet, or that a block be asked.
struct BlockRequest {
  JobDriver driver{};
  std::optional<BlockRange> range{};

  bool operator==(const BlockRequest&) const = default;
};

// {"driver": 1, "cluster": "NAME"} or the same with "from": 0, "to": 100, within `total`. The name
// may be absent: empty. Errors: invalid_json, invalid_field.
[[nodiscard]] Result<BlockRequest> read_block_request(std::string_view body, std::size_t total);

// The places of lines without a result, as few ranges as possible.
[[nodiscard]] std::vector<BlockRange> unfinished_ranges(const std::vector<std::uint32_t>& order,
                                                        const std::vector<bool>& finished);
// The places at which the lines of another model than the one before begin.
[[nodiscard]] std::vector<std::uint32_t> model_places(const std::vector<std::uint32_t>& order,
                                                      std::span<const IndexedLine> lines);
// "[[0,5],[9,12]]"
[[nodiscard]] std::string write_ranges(const std::vector<BlockRange>& ranges);
// "[5,9]"
[[nodiscard]] std::string write_places(const std::vector<std::uint32_t>& places);

}  // namespace rocket
