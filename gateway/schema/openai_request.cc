#include "schema/openai_request.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "schema/unheeded.h"
#include "wire/json.h"

namespace rocket {
namespace {

bool has_elements(const JsonValue& value) {
  return value.kind == JsonKind::array &&
         json_elements(value.text).begin() != std::default_sentinel;
}

// Reads the members in the order in which they stand.
class RequestReader {
 public:
  RequestReader(Operation operation, std::string_view body, OpenAiRequest& request)
      : operation_(operation), body_(body), request_(request) {
    // Ollama streams unless it is told not to, or only has a model to load.
    request_.stream = is_ollamas();
  }

  void take(const JsonMember& member) {
    ++request_.members;
    if (open_ != nullptr) open_->next_member = member.begin;
    open_ = nullptr;
    if (member.key_is("model")) {
      take_place(request_.model_place, member, "model");
      take_name(request_.model, member, "model");
    } else if (member.key_is("backend")) {
      take_place(request_.backend_place, member, "backend");
      take_name(request_.backend, member, "backend");
    } else if (member.key_is("stream")) {
      take_stream(member);
    } else if (operation_ != Operation::responses && member.key_is("stream_options")) {
      take_place(request_.stream_options_place, member, "stream_options");
      take_stream_options(member);
    } else if (member.key_is("tools")) {
      take_tools(member);
    } else if (is_ollamas() && member.key_is("options")) {
      take_options(member);
    } else if (steers_tools(member)) {
      request_.steers_tools = true;
    } else if (operation_ == Operation::embeddings && member.key_is("encoding_format")) {
      request_.base64 = member.value.string_is("base64");
    } else if (has_choices() && member.key_is("n")) {
      take_choices(member);
    } else if (has_choices() && seldom_heeded(member)) {
      request_.seldom_heeded = true;
    } else if (!prompt().empty() && member.key_is(prompt())) {
      take_prompt_or_input(member);
    } else if (!required().empty() && member.key_is(required())) {
      take_required(member);
    } else if (is_ollamas() && member.key_is("images")) {
      find_images(body_, member.value, request_.attachments);
    } else if (operation_ != Operation::chat_completions &&
               (member.key_is("system") || member.key_is("instructions"))) {
      request_.guidance += member.value_end - member.value_begin;
    } else if (member.key_is("messages")) {
      // Not what the operation is asked with, but there are servers that read it.
      find_attachments(body_, member.value, request_.attachments);
    } else {
      refuse_look_alike(member);
    }
    previous_end_ = member.value_end;
  }

  [[nodiscard]] Result<void> finish() {
    if (!error_.empty()) return fail(ErrorCode::invalid_field, error_);
    if (is_ollamas() && !says_something_) {
      request_.asks_nothing = true;
      request_.stream = false;
      return {};
    }
    if (!required().empty() && !required_seen_) {
      return fail(ErrorCode::invalid_field, required() == "messages"
                                                ? "`messages` is missing; send a list of messages"
                                                : "`input` is missing; send a string or a list");
    }
    return {};
  }

 private:
  [[nodiscard]] std::string_view required() const {
    switch (operation_) {
      case Operation::chat_completions:
      case Operation::messages:
      case Operation::count_tokens:
      case Operation::ollama_chat: return "messages";
      case Operation::embeddings:
      case Operation::ollama_embed: return "input";
      default: return {};
    }
  }

  // What may be one string, where it is not required.
  [[nodiscard]] std::string_view prompt() const {
    switch (operation_) {
      case Operation::completions:
      case Operation::ollama_generate: return "prompt";
      case Operation::responses: return "input";
      default: return {};
    }
  }

  [[nodiscard]] bool is_ollamas() const {
    return operation_ == Operation::ollama_chat || operation_ == Operation::ollama_generate;
  }
  [[nodiscard]] bool has_choices() const {
    return operation_ == Operation::chat_completions || operation_ == Operation::completions;
  }
  [[nodiscard]] bool embeds() const {
    return operation_ == Operation::embeddings || operation_ == Operation::ollama_embed;
  }

  // The first fault is reported; the scan goes on, since bad JSON further on matters more.
  void note(std::string error) {
    if (error_.empty()) error_ = std::move(error);
  }

  void take_place(std::optional<OpenAiRequest::Place>& place, const JsonMember& member,
                  std::string_view name) {
    if (place) note("`" + std::string(name) + "` stands twice; send it once");
    place =
        OpenAiRequest::Place{member.begin, member.value_begin, member.value_end, {}, previous_end_};
    open_ = &*place;
  }

  // Servers written in Go take keys without regard to case, and the last of several: what we did
  // not look at would be what they do (encoding/json, "preferring exact but accepting
  // case-insensitive match").
  void refuse_look_alike(const JsonMember& member) {
    for (const std::string_view name :
         {"model", "backend", "stream", "stream_options", "messages", "input", "images"}) {
      if (!json_key_folds_to(member.key, name)) continue;
      note("`" + std::string(name) + "` is written in small letters");
      return;
    }
  }

  void take_name(std::string& name, const JsonMember& member, std::string_view key) {
    if (member.value.is_null()) return;
    auto text = member.value.as_string();
    if (!text) {
      note("`" + std::string(key) + "` must be a string");
    } else {
      name = std::move(*text);
    }
  }

  void take_stream(const JsonMember& member) {
    if (stream_seen_) note("`stream` stands twice; send it once");
    stream_seen_ = true;
    const auto value = member.value.as_bool();
    if (!value && !member.value.is_null()) note("`stream` must be true or false");
    if (!value) return;
    // Embeddings and counts come whole, whatever is asked.
    request_.stream = *value && !embeds() && operation_ != Operation::count_tokens;
  }

  void take_stream_options(const JsonMember& member) {
    if (member.value.is_null()) return;
    if (member.value.kind != JsonKind::object) {
      note("`stream_options` must be an object");
      return;
    }
    bool seen = false;
    for (const JsonMember& option : json_members(member.value.text)) {
      request_.stream_options_empty = false;
      if (!option.key_is("include_usage")) continue;
      if (seen) note("`stream_options.include_usage` stands twice; send it once");
      seen = true;
      request_.usage_asked = option.value.as_bool().value_or(false);
      if (!request_.usage_asked) {
        request_.include_usage_begin = member.value_begin + option.value_begin;
        request_.include_usage_end = member.value_begin + option.value_end;
      }
    }
  }

  // Of another kind it is the upstream's to refuse.
  void take_tools(const JsonMember& member) {
    request_.tools = has_elements(member.value);
    if (request_.tools) request_.guidance += member.value_end - member.value_begin;
  }

  void take_options(const JsonMember& member) {
    const auto context = json_find(member.value.text, "num_ctx");
    const std::int64_t tokens = context ? context->as_int().value_or(0) : 0;
    if (tokens <= 0 || tokens > std::numeric_limits<std::uint32_t>::max()) return;
    request_.context = static_cast<std::uint32_t>(tokens);
  }

  // More than what is the case anyway.
  [[nodiscard]] bool steers_tools(const JsonMember& member) const {
    if (operation_ != Operation::chat_completions) return false;
    if (member.key_is("tool_choice")) {
      return !member.value.is_null() && !member.value.string_is("auto");
    }
    return member.key_is("parallel_tool_calls") && member.value.as_bool() == false;
  }

  void take_choices(const JsonMember& member) {
    if (choices_seen_) note("`n` stands twice; send it once");
    choices_seen_ = true;
    constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
    const std::int64_t choices = member.value.as_int().value_or(1);
    request_.choices = static_cast<std::uint32_t>(std::clamp<std::int64_t>(choices, 1, most));
  }

  void take_prompt_or_input(const JsonMember& member) {
    if (required_seen_) note("`" + std::string(prompt()) + "` stands twice; send it once");
    required_seen_ = true;
    if (member.value.kind == JsonKind::string) {
      take_prompt(member);
      return;
    }
    says_something_ |= !member.value.is_null();
    if (operation_ != Operation::responses || member.value.kind != JsonKind::array) return;
    request_.prompt_begin = member.value_begin;
    request_.prompt_end = member.value_end;
    find_attachments(body_, member.value, request_.attachments);
  }

  void take_prompt(const JsonMember& member) {
    says_something_ |= !member.value.raw_string().empty();
    request_.prompt_begin = member.value_begin;
    request_.prompt_end = member.value_end;
  }

  void take_required(const JsonMember& member) {
    if (required_seen_) note("`" + std::string(required()) + "` stands twice; send it once");
    required_seen_ = true;
    if (embeds()) {
      if (member.value.kind != JsonKind::string && member.value.kind != JsonKind::array) {
        note("`input` must be a string or a list");
      }
      return;
    }
    if (member.value.kind != JsonKind::array) {
      note("`messages` must be a list of messages");
      return;
    }
    request_.prompt_begin = member.value_begin;
    request_.prompt_end = member.value_end;
    request_.seldom_heeded |=
        operation_ == Operation::chat_completions && may_have_developers(member.value.text);
    // Without another list in it there are only texts.
    if (member.value.text.substr(1).contains('[')) {
      find_attachments(body_, member.value, request_.attachments);
    }
    size_t index = 0;
    for (const JsonValue& message : json_elements(member.value.text)) {
      if (message.kind != JsonKind::object) {
        note("`messages[" + std::to_string(index) + "]` must be an object");
        return;
      }
      ++index;
    }
    says_something_ |= index != 0;
    // Ollama only loads the model then.
    if (index == 0 && operation_ != Operation::ollama_chat) {
      note("`messages` is empty; send at least one message");
    }
  }

  Operation operation_;
  std::string_view body_;
  OpenAiRequest& request_;
  OpenAiRequest::Place* open_ = nullptr;  // waits to learn where the next member begins
  std::optional<size_t> previous_end_;
  bool stream_seen_ = false;
  bool choices_seen_ = false;
  bool required_seen_ = false;
  bool says_something_ = false;
  std::string error_;
};

// Takes a member out together with the comma that its absence makes superfluous.
Edit removal(const OpenAiRequest::Place& place) {
  if (place.next_member) return {place.member_begin, *place.next_member, {}};
  return {place.previous_end.value_or(place.member_begin), place.value_end, {}};
}

std::optional<Edit> usage_edit(const OpenAiRequest& request, std::string& inserted) {
  constexpr std::string_view ask = R"("include_usage":true)";
  if (request.include_usage_begin) {
    return Edit{*request.include_usage_begin, request.include_usage_end, "true"};
  }
  if (!request.stream_options_place) {
    inserted += R"("stream_options":{)";
    inserted += ask;
    inserted += "},";
    return std::nullopt;
  }
  const OpenAiRequest::Place& place = *request.stream_options_place;
  if (request.stream_options_empty) {
    return Edit{place.value_begin, place.value_end, "{" + std::string(ask) + "}"};
  }
  return Edit{place.value_begin, place.value_begin + 1, "{" + std::string(ask) + ","};
}

}  // namespace

Result<OpenAiRequest> read_openai_request(Operation operation, std::string_view body) {
  OpenAiRequest request;
  RequestReader reader(operation, body, request);
  const auto scanned =
      scan_object(body, JsonLimits{}, [&](const JsonMember& member) { reader.take(member); });
  if (!scanned) return std::unexpected(scanned.error());
  request.object_begin = body.find('{') + 1;
  const auto finished = reader.finish();
  if (!finished) return std::unexpected(finished.error());
  return request;
}

std::vector<Edit> upstream_edits(const OpenAiRequest& request, std::string_view upstream_model,
                                 bool ask_usage) {
  std::vector<Edit> edits;
  // What has no place yet goes in front of the first member that stays.
  std::string inserted;
  const bool set_model = !upstream_model.empty();
  if (set_model && !request.model_place) {
    inserted = "\"model\":";
    json_append_quoted(inserted, upstream_model);
    inserted += ',';
  }
  if (ask_usage && request.stream && !request.usage_asked) {
    if (auto edit = usage_edit(request, inserted)) edits.push_back(std::move(*edit));
  }
  if (set_model && request.model_place) {
    edits.push_back({request.model_place->value_begin, request.model_place->value_end,
                     json_quoted(upstream_model)});
  }
  if (request.backend_place) edits.push_back(removal(*request.backend_place));
  if (!inserted.empty()) {
    // No member stays for the comma to stand before.
    if (request.members == (request.backend_place ? 1U : 0U)) inserted.pop_back();
    edits.push_back({request.object_begin, request.object_begin, std::move(inserted)});
  }
  std::ranges::sort(edits, {}, [](const Edit& edit) { return std::pair(edit.begin, edit.end); });
  return edits;
}

}  // namespace rocket
