#include "batch/batch_line.h"

#include <functional>
#include <optional>
#include <utility>

#include "wire/json.h"

namespace rocket {
namespace {

// Longer ones are nobody's name for anything; they go into the results.
constexpr std::size_t custom_id_bytes_max = 512;
// So much of a prompt is compared: the instructions that lines share are longer than that, and
// what differs comes behind them.
constexpr std::size_t prefix_bytes_max = 4096;
constexpr std::size_t text_prefix_bytes_max = 256;

std::unexpected<BatchProblem> problem(std::string code, std::string message, std::string param) {
  return std::unexpected(BatchProblem{std::move(code), std::move(message), std::move(param), {}});
}

// Where in its line: the only one that the reader of JSON has seen.
std::string_view without_line(std::string_view detail) {
  constexpr std::string_view only_line = "line 1, ";
  if (detail.starts_with(only_line)) detail.remove_prefix(only_line.size());
  return detail;
}

struct Members {
  std::optional<JsonValue> custom_id;
  std::optional<JsonValue> method;
  std::optional<JsonValue> url;
  std::optional<JsonValue> body;
  std::string twice;  // a member that stands twice

  void take(const JsonMember& member) {
    const std::pair<std::string_view, std::optional<JsonValue>*> known[] = {
        {"custom_id", &custom_id}, {"method", &method}, {"url", &url}, {"body", &body}};
    for (const auto& [name, place] : known) {
      if (!member.key_is(name)) continue;
      if (*place) twice = name;
      *place = member.value;
    }
  }
};

std::expected<std::string, BatchProblem> read_custom_id(const Members& members) {
  if (!members.custom_id || members.custom_id->is_null()) {
    return problem("missing_required_parameter", "This line has no `custom_id`.", "custom_id");
  }
  auto id = members.custom_id->as_string();
  if (!id || id->empty() || id->size() > custom_id_bytes_max) {
    return problem(
        "invalid_custom_id",
        "`custom_id` has to be a string of 1 to " + std::to_string(custom_id_bytes_max) + " bytes.",
        "custom_id");
  }
  return *std::move(id);
}

std::optional<BatchProblem> check_target(const Members& members, std::string_view endpoint) {
  if (!members.method || !members.method->string_is("POST")) {
    return problem("invalid_method", "`method` has to be \"POST\".", "method").error();
  }
  const auto url = members.url ? members.url->as_string() : std::nullopt;
  if (!url) {
    return problem("missing_required_parameter", "This line has no `url`.", "url").error();
  }
  if (*url != endpoint) {
    return problem("invalid_url",
                   "`url` is '" + shown(*url) + "', but the batch's endpoint is '" +
                       std::string(endpoint) + "'; all lines of a batch ask the same.",
                   "url")
        .error();
  }
  return std::nullopt;
}

std::optional<BatchProblem> check_body(const Members& members) {
  if (!members.body || members.body->is_null()) {
    return problem("missing_required_parameter", "This line has no `body`.", "body").error();
  }
  if (members.body->kind != JsonKind::object) {
    return problem("invalid_body", "`body` has to be a JSON object.", "body").error();
  }
  const auto stream = json_find(members.body->text, "stream");
  if (stream && stream->as_bool().value_or(false)) {
    return problem("invalid_parameter", "`stream` can not be true in a batch; leave it out.",
                   "body.stream")
        .error();
  }
  return std::nullopt;
}

std::uint64_t hash_of(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

std::uint64_t mix(std::uint64_t sum, std::uint64_t more) {
  return (sum ^ more) * 0x9e3779b97f4a7c15U + (sum >> 32U);
}

// The first turn of a conversation, which most often has the instructions, or how a text begins.
std::string_view prefix_of(const JsonValue& prompt) {
  if (prompt.kind != JsonKind::array) return prompt.text.substr(0, text_prefix_bytes_max);
  const JsonElements turns = json_elements(prompt.text);
  const auto first = turns.begin();
  if (first == turns.end()) return {};
  return first->text.substr(0, prefix_bytes_max);
}

}  // namespace

std::expected<BatchLine, BatchProblem> read_batch_line(std::string_view text,
                                                       std::string_view endpoint) {
  Members members;
  const auto scanned =
      scan_object(text, {}, [&](const JsonMember& member) { members.take(member); });
  if (!scanned) {
    return problem("invalid_json_line",
                   "This line is not parseable as a JSON object: " +
                       std::string(without_line(scanned.error().detail)),
                   "");
  }
  if (!members.twice.empty()) {
    return problem("invalid_json_line", "`" + members.twice + "` stands twice in this line.",
                   members.twice);
  }
  auto custom_id = read_custom_id(members);
  if (!custom_id) return std::unexpected(std::move(custom_id.error()));
  if (auto wrong = check_target(members, endpoint)) return std::unexpected(*std::move(wrong));
  if (auto wrong = check_body(members)) return std::unexpected(*std::move(wrong));
  return BatchLine{*std::move(custom_id), members.body->text};
}

LineKinship kinship_of(std::string_view body) {
  LineKinship kinship;
  for (const JsonMember& member : json_members(body)) {
    const JsonValue& value = member.value;
    if (member.key_is("model")) {
      kinship.model = hash_of(value.text);
    } else if (member.key_is("messages") || member.key_is("input") || member.key_is("prompt")) {
      kinship.prefix = mix(kinship.prefix, hash_of(prefix_of(value)));
    } else if (member.key_is("tools") || member.key_is("instructions")) {
      kinship.prefix = mix(kinship.prefix, hash_of(value.text.substr(0, prefix_bytes_max)));
    }
  }
  return kinship;
}

}  // namespace rocket
