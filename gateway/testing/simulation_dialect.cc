#include "testing/simulation_dialect.h"

#include <nlohmann/json.hpp>

#include "schema/stream_grammar.h"
#include "wire/json_string.h"
#include "wire/ndjson.h"
#include "wire/sse.h"

namespace rocket {
namespace {

using Json = nlohmann::json;

constexpr size_t event_bytes_max = 64U * 1024 * 1024;

// Empty for whatever is no text, or not there.
std::string text_at(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string text_of(Dialect dialect, const Json& event) {
  const Json none;
  const auto member = [&](const char* key) -> const Json& {
    const auto found = event.find(key);
    return found == event.end() ? none : *found;
  };
  const std::string type = text_at(event, "type");
  std::string text;
  switch (dialect) {
    case Dialect::chat:
      for (const Json& choice : member("choices")) {
        if (choice.is_object()) text += text_at(choice.value("delta", Json()), "content");
      }
      break;
    case Dialect::responses:
      if (type == "response.output_text.delta") text = text_at(event, "delta");
      break;
    case Dialect::anthropic:
      if (type == "content_block_delta") text = text_at(member("delta"), "text");
      break;
    case Dialect::ollama: text = text_at(member("message"), "content"); break;
    case Dialect::generate: text = text_at(event, "response"); break;
  }
  return text;
}

bool is_error(Dialect dialect, const Json& event) {
  const std::string type = text_at(event, "type");
  switch (dialect) {
    case Dialect::responses: return type == "error" || type == "response.failed";
    case Dialect::anthropic: return type == "error";
    default: return event.contains("error");
  }
}

}  // namespace

std::string DialectClient::members(std::string_view words) const {
  std::string members = before_words;
  json_append_quoted(members, words);
  return members + after_words;
}

const DialectClient& client_of(Dialect dialect) {
  for (const DialectClient& client : dialect_clients) {
    if (client.dialect == dialect) return client;
  }
  return dialect_clients.front();
}

HeardStream hear_stream(Dialect dialect, const std::string& body) {
  HeardStream heard;
  StreamGrammar grammar(dialect);
  const auto take = [&](std::string_view data) {
    if (data.empty() || !heard.wrong.empty()) return;
    heard.wrong = grammar.check(data);
    if (!heard.wrong.empty()) heard.wrong.append(" in ").append(data.substr(0, 500));
    const Json event = Json::parse(data, nullptr, false);
    if (!event.is_object()) return;
    heard.text += text_of(dialect, event);
    heard.failed |= is_error(dialect, event);
  };
  Result<void> fed;
  if (is_ollama(dialect)) {
    NdjsonSplitter lines(event_bytes_max);
    fed = lines.feed(body, take);
  } else {
    SseSplitter splitter(event_bytes_max);
    fed = splitter.feed(body, [&](const SseEvent& event) { take(event.data); });
  }
  if (!fed && heard.wrong.empty()) heard.wrong = "not a stream of events";
  heard.ended = !heard.failed && grammar.check_end().empty();
  return heard;
}

std::string fault_of_error(Dialect dialect, const std::string& body) {
  const Json told = Json::parse(body, nullptr, false);
  if (!told.is_object() || !told.contains("error")) return "an error does not say what is wrong";
  const Json& error = told["error"];
  if (is_ollama(dialect)) return error.is_string() ? "" : "not an error of Ollama's";
  if (dialect == Dialect::anthropic) {
    const bool whole = told.value("type", "") == "error" && !text_at(error, "type").empty() &&
                       !text_at(error, "message").empty();
    return whole ? "" : "not an error of Anthropic's";
  }
  return text_at(error, "message").empty() ? "an error without a message" : "";
}

}  // namespace rocket
