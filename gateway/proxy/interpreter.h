#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_budget.h"
#include "net/io.h"
#include "schema/dialect_error.h"
#include "schema/openai_answer.h"
#include "schema/operation.h"
#include "schema/translation_loss.h"
#include "schema/translator.h"

namespace rocket {

// Stands between one upstream's answer and the client: hears what the upstream says and has what
// the client is to be sent of it, in the client's dialect. One for each attempt; either for a
// stream or for a whole answer, as was asked.
class Interpreter {
 public:
  Interpreter() = default;
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;
  virtual ~Interpreter() = default;

  // What one read has brought of the body: views into the buffer that was read into, which may be
  // written to from then on.
  struct Read {
    std::span<const std::string_view> body;
    std::span<char> buffer;
  };

  // ---- of a stream
  // Errors: upstream_garbage, upstream_too_large; upstream_error_event with the upstream's words;
  // overloaded, if the byte budget has no room for what has to be kept.
  // What came before the error is in out() all the same, and nothing may be heard after it.
  [[nodiscard]] virtual Result<void> hear(const Read& read) = 0;
  // Whole events for the client; valid until the buffer is read into again.
  [[nodiscard]] virtual std::array<std::string_view, 2> out() const = 0;
  // What was heard last has completed an event.
  [[nodiscard]] bool moved() const { return moved_; }
  // Something of the answer has come: before it, a failure is invisible to the client.
  [[nodiscard]] virtual bool content_seen() const = 0;
  // The stream has ended as it should. What follows concerns its connection, not its client.
  [[nodiscard]] virtual bool done() const = 0;
  // So far; without the upstream's word, an event of content is taken for a token.
  [[nodiscard]] virtual Usage usage() const = 0;
  // What tells the client of an error where the stream is: its last words.
  [[nodiscard]] virtual std::string last_words(const ToldError& error) = 0;
  // What can be sent between two events, to show that the stream is alive.
  [[nodiscard]] virtual std::string_view sign_of_life() = 0;

  // ---- of a whole answer with a good status
  // `body` outlives this. Errors: upstream_garbage; upstream_status with the upstream's words, if
  // it is an error in truth; overloaded, if the byte budget has no room for it in other words.
  [[nodiscard]] virtual Result<void> hear_whole(std::string_view body) = 0;
  // What the client is sent, with `_backend` if a name is given and the dialect is OpenAI's.
  // Valid as long as this and the body.
  [[nodiscard]] virtual std::vector<std::string_view> whole(std::string_view backend) = 0;
  // The answer in one piece as the client is told it, once it is over and if it has been written
  // here: of a whole one, and of a stream whose dialect has such a thing. Else empty.
  [[nodiscard]] virtual std::string_view answer() const { return {}; }
  // As the upstream counted, if it did.
  [[nodiscard]] virtual std::optional<Usage> whole_usage() const = 0;
  // What of the answer could not be carried over.
  [[nodiscard]] virtual const TranslationLoss& loss() const;

 protected:
  bool moved_ = false;
};

// Where both sides speak OpenAI: the bytes pass but for what Rocket itself asked for and marks.
[[nodiscard]] std::unique_ptr<Interpreter> make_openai_interpreter(Operation operation,
                                                                   bool usage_asked,
                                                                   size_t event_bytes_max);
// The same for embeddings that are wanted in base64, whatever the upstream gives.
[[nodiscard]] std::unique_ptr<Interpreter> make_base64_interpreter(ByteBudget& bodies);
// Where both speak another dialect: the bytes pass.
[[nodiscard]] std::unique_ptr<Interpreter> make_passing_interpreter(Dialect dialect,
                                                                    size_t event_bytes_max);
// What one that translates is given.
struct TranslationPlan {
  Dialect upstream{};
  Dialect client{};
  AnswerFrame frame{};  // what it refers to outlives the interpreter
  bool usage_asked = false;
  size_t event_bytes_max = 0;
  ByteBudget& bodies;  // pays for what is written or kept
  const Timers& timers;
  TimePoint asked_at;  // when the request came

  [[nodiscard]] Duration elapsed() const { return timers.now() - asked_at; }
};
// Where they speak different ones.
[[nodiscard]] std::unique_ptr<Interpreter> make_translator(const TranslationPlan& plan);
// An answer to /v1/embeddings for a client of /api/embed.
[[nodiscard]] std::unique_ptr<Interpreter> make_embed_interpreter(const TranslationPlan& plan);

}  // namespace rocket
