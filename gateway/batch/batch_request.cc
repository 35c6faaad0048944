#include "batch/batch_request.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include "batch/line_call.h"
#include "wire/json.h"

namespace rocket {
namespace {

constexpr std::int64_t day = 86'400;
constexpr std::int64_t window_max = 30 * day;
constexpr std::int64_t expires_after_min = 3600;
constexpr std::int64_t expires_after_max = 30 * day;
constexpr std::size_t metadata_max = 16;
constexpr std::ptrdiff_t metadata_key_characters_max = 64;
constexpr std::ptrdiff_t metadata_value_characters_max = 512;

std::unexpected<Error> wrong(std::string detail) {
  return fail(ErrorCode::invalid_field, std::move(detail));
}

Result<std::string> read_text(const JsonValue& value, std::string_view name) {
  auto text = value.as_string();
  if (!text || text->empty()) return wrong('`' + std::string(name) + "` has to be a string");
  return *std::move(text);
}

// "24h", "90m", "1d", "30s".
std::optional<std::int64_t> read_window(std::string_view text) {
  std::int64_t count = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
  if (read.ec != std::errc() || read.ptr + 1 != text.data() + text.size()) return std::nullopt;
  const char unit = *read.ptr;
  const std::int64_t seconds = unit == 's'   ? 1
                               : unit == 'm' ? 60
                               : unit == 'h' ? 3600
                               : unit == 'd' ? day
                                             : 0;
  if (seconds == 0 || count < 1 || count > window_max / seconds) return std::nullopt;
  return count * seconds;
}

// Of UTF-8: the bytes that begin one.
std::ptrdiff_t characters_of(std::string_view text) {
  return std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; });
}

Result<void> read_metadata(const JsonValue& value, std::string& metadata) {
  if (value.is_null()) return {};
  if (value.kind != JsonKind::object) return wrong("`metadata` has to be an object of strings");
  std::size_t members = 0;
  for (const JsonMember& member : json_members(value.text)) {
    const auto key = json_decoded(member.key);
    const auto text = member.value.as_string();
    if (!text) return wrong("`metadata` has to be an object of strings");
    if (!key || characters_of(*key) > metadata_key_characters_max ||
        characters_of(*text) > metadata_value_characters_max) {
      return wrong("`metadata`: keys have 64 characters at most, values 512");
    }
    if (++members > metadata_max) return wrong("`metadata` has 16 members at most");
  }
  metadata = value.text;
  // It is told in events, too, each of which has one line. In strings they are escaped.
  std::ranges::replace_if(metadata, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return {};
}

Result<void> read_expires_after(const JsonValue& value, std::int64_t& seconds) {
  if (value.is_null()) return {};
  const auto anchor =
      value.kind == JsonKind::object ? json_find(value.text, "anchor") : std::nullopt;
  const auto after =
      value.kind == JsonKind::object ? json_find(value.text, "seconds") : std::nullopt;
  const std::int64_t count = after ? after->as_int().value_or(0) : 0;
  if (!anchor || !anchor->string_is("created_at") || count < expires_after_min ||
      count > expires_after_max) {
    return wrong(
        "`output_expires_after` has to be {\"anchor\": \"created_at\", \"seconds\": N}, with N "
        "from 3600 to 2592000");
  }
  seconds = count;
  return {};
}

Result<void> read_engine(const JsonValue& value, std::optional<LineEngine>& engine) {
  if (value.is_null()) return {};
  const auto name = value.as_string();
  engine = name ? line_engine(*name) : std::nullopt;
  if (!engine) return wrong("`engine` has to be \"local\" or \"ray\"");
  return {};
}

Result<void> read_member(const JsonMember& member, BatchRequest& request) {
  if (member.key_is("metadata")) return read_metadata(member.value, request.metadata);
  if (member.key_is("output_expires_after")) {
    return read_expires_after(member.value, request.output_expires_after);
  }
  if (member.key_is("engine")) return read_engine(member.value, request.engine);
  const std::pair<std::string_view, std::string*> texts[] = {
      {"input_file_id", &request.input_file_id},
      {"endpoint", &request.endpoint},
      {"completion_window", &request.completion_window}};
  for (const auto& [name, place] : texts) {
    if (!member.key_is(name)) continue;
    auto text = read_text(member.value, name);
    if (!text) return std::unexpected(std::move(text.error()));
    *place = *std::move(text);
    return {};
  }
  return wrong('`' + std::string(member.key.substr(0, 64)) +
               "` is not known here; a batch takes input_file_id, endpoint, completion_window, "
               "metadata, output_expires_after and engine");
}

}  // namespace

Result<BatchRequest> read_batch_request(std::string_view body) {
  const auto json = parse_json(body);
  if (!json) return std::unexpected(json.error());
  if (json->kind != JsonKind::object) {
    return fail(ErrorCode::invalid_json, "the body has to be a JSON object");
  }
  BatchRequest request;
  request.metadata = "null";
  for (const JsonMember& member : json_members(json->text)) {
    const auto read = read_member(member, request);
    if (!read) return std::unexpected(read.error());
  }
  if (request.input_file_id.empty()) {
    return wrong("`input_file_id` is missing: the id of a file uploaded with the purpose `batch`");
  }
  if (!batch_operation(request.endpoint)) {
    return wrong(
        "`endpoint` has to be /v1/chat/completions, /v1/completions, /v1/embeddings or "
        "/v1/responses");
  }
  const auto window = read_window(request.completion_window);
  if (!window) {
    return wrong("`completion_window` has to be a time such as \"24h\", 30 days (\"30d\") at most");
  }
  request.window_seconds = *window;
  return request;
}

}  // namespace rocket
