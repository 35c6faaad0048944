#include "batch/block_range.h"

#include <utility>

#include "wire/json.h"

namespace rocket {

namespace {

// Negative: it is not there, or no whole number.
std::int64_t number_of(std::string_view object, std::string_view name) {
  const auto value = json_find(object, name);
  return value ? value->as_int().value_or(-1) : -1;
}

constexpr std::size_t cluster_bytes_max = 256;

// Nothing: it is no name.
std::optional<std::string> cluster_of(std::string_view object) {
  const auto value = json_find(object, "cluster");
  if (!value) return std::string();
  auto name = value->as_string();
  if (name && name->size() > cluster_bytes_max) return std::nullopt;
  return name;
}

}  // namespace

Result<BlockRequest> read_block_request(std::string_view body, std::size_t total) {
  constexpr std::int64_t drivers_max = 1'000'000;
  const auto json = parse_json(body);
  if (!json) return std::unexpected(json.error());
  const std::string_view object = json->kind == JsonKind::object ? json->text : "{}";
  const std::int64_t driver = number_of(object, "driver");
  if (driver < 1 || driver > drivers_max) {
    return fail(ErrorCode::invalid_field, "`driver` has to be its number, from 1 on");
  }
  auto cluster = cluster_of(object);
  if (!cluster) {
    return fail(ErrorCode::invalid_field, "`cluster` has to be its name, a string of at most " +
                                              std::to_string(cluster_bytes_max) + " bytes");
  }
  BlockRequest request{
      .driver = {.cluster = *std::move(cluster), .number = static_cast<std::uint32_t>(driver)}};
  if (!json_find(object, "from") && !json_find(object, "to")) return request;
  const std::int64_t from = number_of(object, "from");
  const std::int64_t to = number_of(object, "to");
  if (from < 0 || from >= to || to > static_cast<std::int64_t>(total)) {
    return fail(ErrorCode::invalid_field,
                "a block is {\"driver\": N, \"from\": A, \"to\": B}, with A < B, and B at most " +
                    std::to_string(total) + ", the batch's lines");
  }
  request.range = {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)};
  return request;
}

std::vector<BlockRange> unfinished_ranges(const std::vector<std::uint32_t>& order,
                                          const std::vector<bool>& finished) {
  std::vector<BlockRange> ranges;
  for (std::uint32_t place = 0; place < order.size(); ++place) {
    const std::uint32_t line = order[place];
    if (line < finished.size() && finished[line]) continue;
    if (ranges.empty() || ranges.back().to != place) ranges.push_back({place, place});
    ranges.back().to = place + 1;
  }
  return ranges;
}

std::vector<std::uint32_t> model_places(const std::vector<std::uint32_t>& order,
                                        std::span<const IndexedLine> lines) {
  std::vector<std::uint32_t> places;
  for (std::uint32_t place = 1; place < order.size(); ++place) {
    if (lines[order[place]].model != lines[order[place - 1]].model) places.push_back(place);
  }
  return places;
}

std::string write_ranges(const std::vector<BlockRange>& ranges) {
  std::string text = "[";
  for (const BlockRange& range : ranges) {
    if (text.size() != 1) text += ',';
    text += '[' + std::to_string(range.from) + ',' + std::to_string(range.to) + ']';
  }
  return text + ']';
}

std::string write_places(const std::vector<std::uint32_t>& places) {
  std::string text = "[";
  for (const std::uint32_t place : places) {
    if (text.size() != 1) text += ',';
    text += std::to_string(place);
  }
  return text + ']';
}

}  // namespace rocket
