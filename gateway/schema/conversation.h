#pragma once

#include <array>
#include <forward_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/model_facts.h"
#include "schema/dialect.h"
#include "schema/stop_reason.h"
#include "schema/token_usage.h"
#include "wire/json.h"

// What a request asks and what an answer says, whatever the dialect: each dialect has a reader
// that makes these values of its bytes and a writer that makes bytes of them, so that n dialects
// need n of each. Where the dialects differ only in words (`stop` or `end_turn`, a system prompt
// as a field or as a message), the values keep one of them; what a dialect has no words for, its
// writer names in a TranslationLoss.
namespace rocket {

// A text as it stands between the quotes of a JSON string, escapes and all. All dialects are
// JSON, so a text goes from one into the other as it is: nothing is decoded, and an image of 8 MB
// stays where the request's body is.
struct RawText {
  std::string_view inside{};

  [[nodiscard]] bool empty() const { return inside.empty(); }
  // Whether this is `plain`, however it is escaped.
  [[nodiscard]] bool is(std::string_view plain) const { return json_decodes_to(inside, plain); }
  [[nodiscard]] std::string decoded() const { return json_decoded(inside).value_or(""); }
};

// Empty for whatever is no string.
[[nodiscard]] inline RawText raw_text(const JsonValue& value) {
  return {value.raw_string()};
}

// A member that only its own dialect knows: passed on to that one, named as lost to others.
struct Field {
  std::string_view key{};  // as written between the quotes
  std::string_view json{};
  // The object of the request's that it is a member of: Ollama's `options`, Anthropic's `thinking`,
  // `output_config` or `metadata`. Empty: the request itself, or the part that it stands with.
  std::string_view within{};

  // Worth no mention if it is lost: null, false, nothing in it, or what is so anyway, such as one
  // choice.
  [[nodiscard]] bool says_nothing() const;
};

// Where the bytes of an image or a document are.
struct Media {
  enum class Source : unsigned char { base64, url, text, file };
  Source source = Source::base64;
  RawText type{};  // "image/png"; empty: not said
  RawText data{};  // base64, the URL, the text, or the file's id
};

// From one character of a text to before another, counted in Unicode code points.
struct TextSpan {
  size_t begin = 0;
  size_t end = 0;
  [[nodiscard]] bool operator==(const TextSpan&) const = default;
};

// Where something comes from that a text says.
struct Citation {
  enum class Kind : unsigned char {
    web,            // a page of the web
    search_result,  // one that the conversation has
    characters,     // a place in a document of the conversation,
    pages,
    blocks,
    file,
    foreign,  // something that only its own dialect has
  };
  Kind kind = Kind::foreign;
  RawText source{};          // web: the URL; search_result: where that is from
  RawText title{};           // of the page, the result or the document; of a file its name
  RawText quote{};           // what stands there
  RawText file{};            // the id of the file, or of the document's
  RawText sealed{};          // web: what its provider alone can read of the place
  std::string_view which{};  // of the documents, the results or the files: a number
  std::string_view begin{};  // of the place in it, and its end: numbers
  std::string_view end{};
  std::optional<TextSpan> span{};  // of the part's text that it belongs to; none: all of it
  std::string_view json{};         // all of it, if it has been read: its own dialect is told this
};

// A piece of a turn or of an answer.
struct Part {
  enum class Kind : unsigned char {
    text,
    image,
    document,
    tool_call,
    tool_result,
    thinking,
    redacted_thinking,
    refusal,
    foreign,  // something that only its own dialect has
  };
  Kind kind = Kind::text;
  RawText text{};                // text, thinking, refusal; of redacted_thinking what is sealed,
                                 // of what is foreign what it says in words
  RawText signature{};           // thinking
  RawText id{};                  // tool_call, and the call that a tool_result answers
  RawText name{};                // of the function, or of the document; empty: not said
  RawText detail{};              // image: how closely to look
  std::string_view arguments{};  // tool_call: a JSON object
  Media media{};                 // image, document
  std::vector<Part> content{};   // tool_result
  // Text of an answer, or of a turn of the assistant's.
  std::vector<Citation> citations{};
  bool failed = false;      // tool_result
  std::string_view json{};  // foreign: all of it
  std::vector<Field> extra{};
};

enum class Role : unsigned char { system, developer, user, assistant, tool };

// The results of tools are turns of their own, all that follow each other in one.
struct Turn {
  Role role = Role::user;
  RawText name{};
  std::vector<Part> parts{};
  std::vector<Field> extra{};
};

struct Tool {
  RawText name{};
  RawText description{};
  std::string_view schema{};  // of the arguments; empty: none
  std::optional<bool> strict{};
  std::string_view json{};  // not empty: a tool of the provider's own, all of it
  std::vector<Field> extra{};
};

struct ToolChoice {
  enum class Kind : unsigned char { unset, automatic, none, required, function };
  Kind kind = Kind::unset;
  RawText name{};  // function
};

struct ResponseFormat {
  enum class Kind : unsigned char { unset, text, json_object, json_schema };
  Kind kind = Kind::unset;
  RawText name{};
  RawText description{};
  std::string_view schema{};
  std::optional<bool> strict{};
};

// How much the model is to think before it answers.
struct Reasoning {
  enum class Kind : unsigned char { unset, off, on, adaptive };
  Kind kind = Kind::unset;
  RawText effort{};           // "low"; empty: not said
  std::string_view budget{};  // a number of tokens; empty: not said
  RawText summary{};          // "auto": how much of it is to be seen, a word of Responses
};

// Settings that several dialects have, under names of their own: schema/parameters says which.
enum class Parameter : unsigned char {
  max_tokens,
  temperature,
  top_p,
  top_k,
  min_p,
  seed,
  presence_penalty,
  frequency_penalty,
  user,
  metadata,
  store,
  service_tier,
  prompt_cache_key,
  safety_identifier,
};
inline constexpr size_t parameter_count = 14;

// Texts that had to be made, where those that were found are views. Moving it moves no text.
class KeptTexts {
 public:
  [[nodiscard]] std::string_view keep(std::string text) {
    memory_ += sizeof(std::string) + text.capacity();
    texts_.push_front(std::move(text));
    return texts_.front();
  }
  // In bytes.
  [[nodiscard]] size_t memory() const { return memory_; }

 private:
  std::forward_list<std::string> texts_;
  size_t memory_ = 0;
};

// How much of a request is read as a conversation, and of a text as an answer: each value may
// become a Part, which takes a hundred times the memory of the shortest text. A whole day's work
// of an agent has a tenth of it.
inline constexpr JsonLimits conversation_limits{.values = 250'000};

// A request. Views into the body that it was read from, which must outlive it.
struct Conversation {
  Dialect dialect = Dialect::chat;  // that it was read from: whose words all `extra` are
  RawText model{};
  bool stream = false;
  bool usage_asked = true;  // the client wants to see usage in a stream
  std::vector<Turn> turns{};
  std::vector<Tool> tools{};
  ToolChoice tool_choice{};
  std::optional<bool> parallel_tools{};
  bool legacy_functions = false;  // of chat: the client has `functions` instead of tools
  ResponseFormat format{};
  Reasoning reasoning{};
  RawText verbosity{};
  std::array<std::string_view, parameter_count> parameters{};  // JSON; empty: not given
  std::vector<RawText> stop{};
  std::vector<Field> extra{};
  // Of Responses, where they are told again or kept: all are turns as well.
  std::string_view instructions{};
  std::string_view input{};
  RawText previous{};  // the response that is continued
  KeptTexts kept{};

  [[nodiscard]] std::string_view& parameter(Parameter which) {
    return parameters[static_cast<size_t>(which)];
  }
  [[nodiscard]] std::string_view parameter(Parameter which) const {
    return parameters[static_cast<size_t>(which)];
  }
};

// A whole answer. Views into the text that it was read from.
struct Answer {
  Dialect dialect = Dialect::chat;
  RawText id{};
  RawText model{};
  std::vector<Part> parts{};
  StopReason stop = StopReason::end;
  RawText stop_sequence{};
  TokenUsage usage{};
  KeptTexts kept{};
};

// What a request is written with besides what it asks.
struct RequestFrame {
  std::string_view model{};     // as the upstream calls it; empty: as the client does
  std::int64_t max_tokens = 0;  // for dialects that have to be told: what the model can give;
                                // 0: not known
  // In the dialect of chat: what the model has, where a limit beyond it is refused; 0: no matter.
  std::int64_t context = 0;
  // The same: the upstream knows what local servers add to OpenAI's (top_k, min_p,
  // reasoning_content) and calls the limit max_tokens.
  bool additions = true;
  ThinkingFacts thinking{};  // in the dialect of Anthropic
  // In the dialect of chat: reasoning_effort may be any of the usual words (Ollama refuses all but
  // "none" for most models).
  bool efforts = true;
  // Of Quirks.
  std::string_view thinking_name = "reasoning_content";
  bool takes_json_object = true;
  bool steers_tools = true;
  bool names_tools = true;
  std::span<const std::string_view> unheeded{};
};

// What an answer is written with besides what it says.
struct AnswerFrame {
  std::string_view id{};          // of the request, made part of the ids that are missing
  std::string_view model{};       // if the upstream does not say
  std::int64_t created = 0;       // seconds since 1970
  std::string_view created_at{};  // the same in words: 2026-01-31T12:00:00Z
  // Of the request, where the answer has to repeat it (write_responses_echo).
  std::string_view echo{};
  // Of Conversation.
  bool legacy_functions = false;
  // Since the request came, where the answer tells how long it took; 0: not known.
  Duration elapsed{};
};

// How many bytes it takes besides the text that it was read from.
[[nodiscard]] size_t memory_of(const Conversation& conversation);

// Appends to `turns`; the results of tools to the turn before, if that has only such.
void add_turn(std::vector<Turn>& turns, Turn turn);

// Whether there is a part of the kind.
[[nodiscard]] bool has_part(const std::vector<Part>& parts, Part::Kind kind);
// The only part, if it is a text: what all dialects may write as a string.
[[nodiscard]] const Part* only_text(const std::vector<Part>& parts);
// "input_audio": what its dialect calls a part that no other has.
[[nodiscard]] std::string foreign_type(std::string_view json);

}  // namespace rocket
