#include "schema/translator.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "testing/conversation_text.h"
#include "wire/fuzz_splitter.h"

// Whatever is sent: a request that is read is written as JSON that reads as the same conversation
// but for what the loss names, and so is an answer; a stream becomes a legal one, the same however
// its bytes are split, and an error that ends it is legal as well.
namespace {

using namespace rocket;

constexpr Dialect upstream_dialects[] = {Dialect::chat, Dialect::responses, Dialect::anthropic,
                                         Dialect::ollama};
constexpr Dialect all_dialects[] = {Dialect::chat, Dialect::responses, Dialect::anthropic,
                                    Dialect::ollama, Dialect::generate};
constexpr AnswerFrame frame{.id = "r1",
                            .model = "m",
                            .created = 1,
                            .created_at = "2026-01-31T12:00:00Z",
                            .echo = R"("instructions":null,"tools":[],"parallel_tool_calls":true,)"
                                    R"("metadata":{},"tool_choice":"auto","temperature":1,)"
                                    R"("top_p":1,"text":{})"};
constexpr std::size_t event_max = std::size_t{1} << 20U;

void check_request(Dialect from, std::string_view body) {
  TranslationLoss read_loss;
  const auto first = read_request(from, body, read_loss);
  if (!first) {
    ROCKET_ASSERT(first.error().code == ErrorCode::invalid_json ||
                  first.error().code == ErrorCode::invalid_field);
    return;
  }
  for (const Dialect target : upstream_dialects) {
    TranslationLoss loss = read_loss;
    const std::string written = write_request(target, *first, {}, loss).joined();
    ROCKET_ASSERT(parse_json(written, {.depth = JsonLimits::depth_max}));
    TranslationLoss none;
    const auto second = read_request(target, written, none);
    // Too deep by then, or a chat without a turn: Ollama knows requests that only load a model.
    if (!second) continue;
    TranslationLoss again;
    const std::string rewritten = write_request(target, *second, {}, again).joined();
    ROCKET_ASSERT(parse_json(rewritten, {.depth = JsonLimits::depth_max}));
    TranslationLoss last;
    const auto third = read_request(target, rewritten, last);
    ROCKET_ASSERT(third);
    ROCKET_ASSERT(conversation_text(*second, target, again) ==
                  conversation_text(*third, target, again));
  }
}

void check_answer(Dialect from, std::string_view text) {
  TranslationLoss read_loss;
  const auto first = read_answer(from, text, read_loss);
  if (!first) return;
  for (const Dialect target : all_dialects) {
    TranslationLoss loss = read_loss;
    const std::string written = write_answer(target, *first, frame, loss).joined();
    ROCKET_ASSERT(parse_json(written, {.depth = JsonLimits::depth_max}));
  }
}

// What the client is sent, with the error that ends a stream which does not end well.
template <class NextPiece>
std::string translate(Dialect from, Dialect to, std::string_view input, NextPiece next_piece) {
  StreamTranslator translator(from, make_stream_writer(to, frame, true), event_max);
  std::string client;
  while (!input.empty()) {
    // A buffer of its own, gone before the next, so that a view into it would be found.
    const std::string piece(input.substr(0, next_piece()));
    input.remove_prefix(piece.size());
    const auto fed = translator.feed(piece);
    client += translator.out();
    if (fed) continue;
    ROCKET_ASSERT(fed.error().code != ErrorCode::internal);
    break;
  }
  if (!translator.done()) client += translator.write_error("api_error", "the upstream is gone");
  return client;
}

void check_legal(Dialect dialect, std::string_view bytes) {
  StreamGrammar grammar(dialect);
  const auto check = [&](std::string_view data) { ROCKET_ASSERT(grammar.check(data).empty()); };
  if (is_ollama(dialect)) {
    NdjsonSplitter splitter(bytes.size());
    ROCKET_ASSERT(splitter.feed(bytes, check));
  } else {
    SseSplitter splitter(bytes.size());
    ROCKET_ASSERT(splitter.feed(bytes, [&](const SseEvent& event) { check(event.data); }));
  }
  ROCKET_ASSERT(grammar.check_end().empty());
}

void check_stream(Dialect from, std::string_view input) {
  for (const Dialect to : all_dialects) {
    const std::string client = translate(from, to, input, [&] { return input.size(); });
    check_legal(to, client);
    ROCKET_ASSERT(client == translate(from, to, input, [] { return std::size_t{1}; }));
    Splitter splitter(input);
    ROCKET_ASSERT(client == translate(from, to, input, [&] { return splitter.next(); }));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const Dialect dialect : all_dialects) {
    check_request(dialect, input);
    check_answer(dialect, input);
  }
  for (const Dialect dialect : upstream_dialects)
    check_stream(dialect, input);
  return 0;
}
