#include "batch/prompt_request.h"

#include <array>
#include <optional>
#include <utility>

#include "wire/http_writer.h"
#include "wire/json.h"

namespace rocket {
namespace {

std::unexpected<Error> wrong(std::string detail) {
  return fail(ErrorCode::invalid_field, std::move(detail));
}

struct Members {
  std::optional<JsonValue> prompts;
  std::optional<JsonValue> backend;
  std::optional<JsonValue> params;
};

Result<Members> read_members(std::string_view object) {
  Members members;
  const std::array<std::pair<std::string_view, std::optional<JsonValue>*>, 3> known{
      {{"prompts", &members.prompts}, {"backend", &members.backend}, {"params", &members.params}}};
  for (const JsonMember& member : json_members(object)) {
    bool taken = false;
    for (const auto& [name, place] : known) {
      if (!member.key_is(name)) continue;
      if (*place) return wrong('`' + std::string(name) + "` stands twice");
      *place = member.value;
      taken = true;
    }
    if (!taken) {
      return wrong('`' + std::string(member.key.substr(0, 64)) +
                   "` is not known here; send prompts, backend and params (what belongs into a "
                   "chat completion, such as `model`, goes into params)");
    }
  }
  return members;
}

// The members that all have in common, as they stand between the braces.
Result<std::string_view> read_params(const std::optional<JsonValue>& params) {
  if (!params || params->is_null()) return std::string_view();
  if (params->kind != JsonKind::object) return wrong("`params` has to be an object");
  for (const JsonMember& member : json_members(params->text)) {
    if (member.key_is("messages")) {
      return wrong("`params.messages` is what `prompts` are for; leave it out");
    }
    if (member.key_is("backend")) {
      return wrong("`params.backend` stands beside `params`, not in it");
    }
    if (member.key_is("stream") && member.value.as_bool().value_or(false)) {
      return wrong("`params.stream` can not be true: all answers come together; leave it out");
    }
  }
  std::string_view inside = params->text.substr(1, params->text.size() - 2);
  return inside.find_first_not_of(" \t\r\n") == std::string_view::npos ? std::string_view()
                                                                       : inside;
}

}  // namespace

std::string PromptRequest::body(std::size_t index) const {
  const JsonValue& prompt = prompts[index];
  const bool is_text = prompt.kind == JsonKind::string;
  std::string made = "{";
  made.reserve(params.size() + prompt.text.size() + 64);
  made.append(params).append(params.empty() ? "" : ",").append("\"messages\":");
  if (is_text) made += R"([{"role":"user","content":)";
  made += prompt.text;
  if (is_text) made += "}]";
  made += '}';
  return made;
}

Result<PromptRequest> read_prompt_request(std::string_view body) {
  const auto json = parse_json(body);
  if (!json) return std::unexpected(json.error());
  if (json->kind != JsonKind::object) {
    return fail(ErrorCode::invalid_json, "the body has to be a JSON object");
  }
  const auto members = read_members(json->text);
  if (!members) return std::unexpected(members.error());
  if (!members->prompts || members->prompts->kind != JsonKind::array) {
    return wrong("`prompts` has to be an array of texts");
  }
  PromptRequest request;
  if (members->backend && !members->backend->is_null()) {
    auto backend = members->backend->as_string();
    // Each prompt has it as a header.
    if (!backend || !header_value_ok(*backend)) {
      return wrong("`backend` has to be the name of a backend");
    }
    request.backend = *std::move(backend);
  }
  const auto params = read_params(members->params);
  if (!params) return std::unexpected(params.error());
  request.params = *params;
  for (const JsonValue& prompt : json_elements(members->prompts->text)) {
    if (request.prompts.size() == PromptRequest::prompts_max) {
      return wrong("`prompts` has 1000 of them at most; for more make a batch (/v1/batches)");
    }
    if (prompt.kind != JsonKind::string && prompt.kind != JsonKind::array) {
      return wrong("`prompts[" + std::to_string(request.prompts.size()) +
                   "]` has to be a text, or an array of messages");
    }
    request.prompts.push_back(prompt);
  }
  if (request.prompts.empty()) return wrong("`prompts` is empty");
  return request;
}

}  // namespace rocket
