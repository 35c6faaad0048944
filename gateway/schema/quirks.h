#pragma once

#include <string_view>
#include <vector>

#include "base/backend_kind.h"
#include "schema/dialect.h"

namespace rocket {

enum class LoadFormat : unsigned char { gauges, slots };

// Where a server tells how busy it is.
struct LoadSource {
  std::string_view path{};
  LoadFormat format = LoadFormat::gauges;
  // Asked only where the inventory says that this is what serves there; empty: everywhere.
  std::string_view owner{};
  // Servers of the kind always have it: what is missing there is worth a word.
  bool expected = false;
};

// How the kinds of backend differ from plain OpenAI, as data. To add a backend that speaks
// OpenAI with oddities of its own, add a row.
struct Quirks {
  BackendKind kind;
  // Answers 2xx when the endpoint is alive, and costs nothing.
  std::string_view alive_path{};
  // Who speaks as it does may refuse to tell what it has, or not be able to: 403, 404 and 405 at
  // alive_path are answers of a server that is alive.
  bool may_not_list = false;
  // What it has, in the order to try: LM Studio changed its own over time.
  std::vector<std::string_view> inventory_paths{};
  // Which of them are in memory; empty: all that the inventory lists, unless it says so itself.
  std::string_view loaded_path{};
  // What it tells of one model; empty: nothing that the inventory does not.
  std::string_view details_path{};
  std::vector<LoadSource> load_sources{};
  // What it speaks well enough for a client's own bytes to pass; clients of other dialects are
  // put to it in the first.
  std::vector<Dialect> dialects{Dialect::chat};
  bool counts_tokens = false;  // at Anthropic's path
  // The header line that shows it a key: name, and what stands before the key.
  std::string_view key_header = "authorization";
  std::string_view key_scheme = "Bearer ";
  // Header lines that all requests to it have.
  std::string_view head_lines{};
  // `llama3` means `llama3:latest`.
  bool implicit_latest = false;
  // It wants thinking that is said again to have its own signature, and pages its own seal.
  bool checks_seals = false;
  // As OpenAI's chat: what it calls what was thought, when it is said again.
  std::string_view thinking_name = "reasoning_content";
  // reasoning_effort may be any of the usual words.
  bool takes_effort = true;
  // It loads a model when somebody asks for it, and may unload another one for it.
  bool loads_on_demand = false;
  // It is asked for one choice at a time: it gives no more, whatever `n` says, or miscounts them.
  bool one_choice = false;
  // So are those of the kind whose inventory names one of these as its owner.
  std::vector<std::string_view> one_choice_owners{};
  // Members of OpenAI's completions that it takes without a word and does not heed.
  std::vector<std::string_view> unheeded{};
  // It takes `json_object` for a response_format; else a schema alone.
  bool takes_json_object = true;
  // It heeds what developers say; else no more than a message of the system's.
  bool knows_developers = true;
  // It knows how much may be said as `max_completion_tokens` as well; else as `max_tokens` alone.
  bool knows_newer_limit = true;
  // An answer's limit that does not fit into the context behind the prompt is refused, not lowered.
  bool refuses_excess = false;
  // It heeds `tool_choice` and `parallel_tool_calls`; else the model may call whatever it is shown.
  bool steers_tools = true;
  // It takes a function's name for `tool_choice`; else words alone.
  bool names_tools = true;
  // Vectors that are asked for in base64 come in base64; else as lists of numbers.
  bool encodes_vectors = true;
};

[[nodiscard]] const Quirks& quirks_of(BackendKind kind);

// What a server's answer to the question whether it is alive says.
enum class Liveness : unsigned char { dead, alive, loading, draining };

// What it says by its status alone if it may not list. llama.cpp answers 503 while it loads its
// model; Rocket says in its body that it drains, at /readyz with 503 and at /health with 200.
[[nodiscard]] Liveness read_liveness(const Quirks& quirks, int status, std::string_view body);
// Of a refusal, to a probe or to a request: it will be able to answer once its model is loaded.
[[nodiscard]] bool says_loading(int status, std::string_view body);
// Of a refusal without a Retry-After: it has as much to do as it can hold (Ollama, SGLang).
[[nodiscard]] bool says_busy(int status, std::string_view body);

}  // namespace rocket
