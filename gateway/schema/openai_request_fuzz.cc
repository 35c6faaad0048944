#include "schema/openai_request.h"

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/json.h"

// What is sent upstream is what nlohmann, given the same body, would send: `backend` gone,
// `model` as asked, usage asked for in streams, every other member as it was.
namespace {

using namespace rocket;
using Nlohmann = nlohmann::json;

std::string sent(const OpenAiRequest& request, std::string_view body, std::string_view model,
                 bool ask_usage) {
  const auto edits = upstream_edits(request, model, ask_usage);
  std::string all;
  for (const std::string_view piece : splice(body, edits))
    all += piece;
  return all;
}

bool is_object(std::string_view text) {
  const auto value = parse_json(text);
  return value && value->kind == JsonKind::object;
}

void check_read(const OpenAiRequest& request, const Nlohmann& theirs, Operation operation) {
  const auto text_of = [&](const char* key) {
    const auto found = theirs.find(key);
    return found != theirs.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  ROCKET_ASSERT(request.model == text_of("model"));
  ROCKET_ASSERT(request.backend == text_of("backend"));
  const bool streamed = theirs.contains("stream") && theirs["stream"] == true;
  ROCKET_ASSERT(request.stream == (streamed && operation != Operation::embeddings));
  const Nlohmann options = theirs.value("stream_options", Nlohmann());
  const bool usage =
      options.is_object() && options.contains("include_usage") && options["include_usage"] == true;
  ROCKET_ASSERT(request.usage_asked == usage);
}

void check_sent(const OpenAiRequest& request, std::string_view body, const Nlohmann& theirs,
                std::string_view model, bool ask_usage) {
  const std::string out = sent(request, body, model, ask_usage);
  ROCKET_ASSERT(is_object(out));
  if (theirs.is_discarded()) return;
  Nlohmann expected = theirs;
  expected.erase("backend");
  if (!model.empty()) expected["model"] = model;
  if (ask_usage && request.stream) expected["stream_options"]["include_usage"] = true;
  ROCKET_ASSERT(Nlohmann::parse(out) == expected);
}

// Whoever else reads the body may find no address that was not found here, and a file in the place
// of each gives JSON again.
void check_files(const OpenAiRequest& request, std::string_view body, const Nlohmann& theirs) {
  std::vector<PlacedFile> files;
  for (const MediaUrl& url : request.attachments.urls) {
    ROCKET_ASSERT(!url.raw(body).empty() && json_string_valid(url.raw(body)));
    files.push_back({&url, {"image/png", "AAAA"}});
  }
  std::vector<Edit> edits;
  append_media_edits(std::move(files), edits);
  std::string out;
  for (const std::string_view piece : splice(body, edits))
    out += piece;
  ROCKET_ASSERT(is_object(out));
  size_t known = 0;
  const Nlohmann messages = theirs.is_object() ? theirs.value("messages", Nlohmann()) : Nlohmann();
  for (const Nlohmann& message : messages.is_array() ? messages : Nlohmann::array()) {
    if (!message.is_object() || !message.contains("content")) continue;
    const Nlohmann& content = message["content"];
    for (const Nlohmann& part : content.is_array() ? content : Nlohmann::array()) {
      if (!part.is_object() || !part.contains("image_url")) continue;
      const Nlohmann& image = part["image_url"];
      const Nlohmann url = image.is_object() ? image.value("url", Nlohmann()) : image;
      if (url.is_string() && url.get_ref<const std::string&>().starts_with("http")) ++known;
    }
  }
  ROCKET_ASSERT(request.attachments.urls.size() >= known);
}

void check(Operation operation, std::string_view body) {
  const auto request = read_openai_request(operation, body);
  if (!request) {
    ROCKET_ASSERT(!request.error().detail.empty());
    const bool bad_json = request.error().code == ErrorCode::invalid_json;
    ROCKET_ASSERT(bad_json != is_object(body));
    ROCKET_ASSERT(bad_json || request.error().code == ErrorCode::invalid_field);
    return;
  }
  // Discarded for numbers beyond double, which are JSON but not to nlohmann.
  const Nlohmann theirs = Nlohmann::parse(body, nullptr, false);
  if (!theirs.is_discarded()) check_read(*request, theirs, operation);
  check_files(*request, body, theirs);
  for (const std::string_view model : {"", "llama3", "a\"b\\\n/\xC3\xA9"}) {
    for (const bool ask_usage : {false, true})
      check_sent(*request, body, theirs, model, ask_usage);
  }

  // What was sent, sent on by another gateway, stays as it is.
  const std::string once = sent(*request, body, "llama3", true);
  const auto again = read_openai_request(operation, once);
  ROCKET_ASSERT(again && again->model == "llama3" && again->backend.empty());
  ROCKET_ASSERT(again->stream == request->stream && (!again->stream || again->usage_asked));
  ROCKET_ASSERT(sent(*again, once, "llama3", true) == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(data, data + size);
  constexpr std::array operations{Operation::chat_completions, Operation::completions,
                                  Operation::embeddings};
  for (const Operation operation : operations)
    check(operation, body);
  return 0;
}
