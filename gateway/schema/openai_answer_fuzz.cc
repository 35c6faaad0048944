#include "schema/openai_answer.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "schema/openai_stream.h"
#include "wire/json.h"
#include "wire/json_halves.h"

// Whatever an upstream answers is read or refused as nlohmann reads or refuses it, the mark can
// be added to what was read, and nothing is taken for an answer that says it is an error.
namespace {

using namespace rocket;
using Nlohmann = nlohmann::json;

// Whether nlohmann's opinion can be had: it takes a NUL for the end of the text, skips a byte
// order mark, refuses numbers beyond double, and has no limit on depth.
bool comparable(std::string_view text) {
  if (text.contains('\0') || text.starts_with("\xEF\xBB\xBF")) return false;
  constexpr std::size_t depth_max = 100;
  std::size_t depth = 0;
  for (const char c : text)
    depth += c == '[' || c == '{' ? 1U : 0U;
  return depth < depth_max;
}

bool overflows(std::string_view text) {
  struct Acceptor : nlohmann::detail::json_sax_acceptor<Nlohmann> {
    bool overflow = false;
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
      constexpr int number_overflow = 406;
      overflow = error.id == number_overflow;
      return false;
    }
  } acceptor;
  return !Nlohmann::sax_parse(text, &acceptor) && acceptor.overflow;
}

void check_usage(const std::optional<Usage>& usage) {
  if (usage) ROCKET_ASSERT(usage->in >= 0 && usage->out >= 0 && usage->cached >= 0);
}

void check_mark(std::string_view text, const OpenAiAnswer& answer, const Nlohmann& theirs) {
  ROCKET_ASSERT(answer.object_end < text.size() && text[answer.object_end] == '}');
  std::string marked(text);
  marked.insert(answer.object_end, answer.empty ? R"("_backend":"x")" : R"(,"_backend":"x")");
  ROCKET_ASSERT(read_openai_answer(marked));
  if (theirs.is_discarded()) return;
  Nlohmann expected = theirs;
  expected["_backend"] = "x";
  ROCKET_ASSERT(Nlohmann::parse(marked) == expected);
}

void check_answer(std::string_view text) {
  const auto answer = read_openai_answer(text);
  if (!answer) ROCKET_ASSERT(answer.error().code == ErrorCode::upstream_garbage);
  const Nlohmann theirs = Nlohmann::parse(text, nullptr, false);
  if (comparable(text) && !overflows(text)) {
    ROCKET_ASSERT(answer.has_value() == theirs.is_object());
  }
  if (!answer) return;
  check_usage(answer->usage);
  check_mark(text, *answer, theirs);
  if (theirs.is_object() && theirs.size() == 1 && theirs.contains("error")) {
    ROCKET_ASSERT(answer->error.has_value() == !theirs["error"].is_null());
  }
}

void check_event(Operation operation, std::string_view data) {
  const auto event = read_openai_event(operation, data);
  const bool readable = data.empty() || data == "[DONE]" || read_openai_answer(data);
  ROCKET_ASSERT(event.has_value() == readable);

  OpenAiStream stream(operation, false);
  const auto taken = stream.take({data, data});
  check_usage(stream.usage());
  if (!event) {
    const bool garbage = !taken && taken.error().code == ErrorCode::upstream_garbage;
    ROCKET_ASSERT(garbage || !lone_halves(data).empty());
    return;
  }
  using Kind = OpenAiEvent::Kind;
  ROCKET_ASSERT(taken.has_value() == (event->kind != Kind::error));
  ROCKET_ASSERT(stream.content_seen() == (event->kind == Kind::content));
  ROCKET_ASSERT(stream.done() == (event->kind == Kind::done));
  if (taken) ROCKET_ASSERT((*taken != Shown::nothing) == (event->kind != Kind::usage));
  if (taken && *taken == Shown::all_but_usage) {
    ROCKET_ASSERT(!json_find(without_usage(data), "usage"));
    ROCKET_ASSERT(parse_json(without_usage(data)) || !lone_halves(data).empty());
  }
  if (event->kind == Kind::usage) ROCKET_ASSERT(event->usage);
}

// A stream that remembers what its events look like says of each what it says of it alone. The
// input is split at line feeds, which no event's data has, or has joined by the splitter.
void check_stream(Operation operation, std::string_view text) {
  OpenAiStream stream(operation, false);
  while (!text.empty() && !stream.done()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view data = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    OpenAiStream alone(operation, false);
    const bool before = stream.content_seen();
    const auto taken = stream.take({data, data});
    const auto expected = alone.take({data, data});
    ROCKET_ASSERT(taken.has_value() == expected.has_value());
    ROCKET_ASSERT(stream.content_seen() == (before || alone.content_seen()));
    ROCKET_ASSERT(stream.done() == alone.done());
    if (!taken) return;
    ROCKET_ASSERT(*taken == *expected);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  check_answer(text);
  check_event(Operation::chat_completions, text);
  check_event(Operation::completions, text);
  check_stream(Operation::chat_completions, text);
  check_stream(Operation::completions, text);
  constexpr std::size_t error_bytes_max = 512;
  ROCKET_ASSERT(read_upstream_error(text).size() <= error_bytes_max);
  return 0;
}
