#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace rocket {

// Which server a fake backend passes for.
enum class FakeKind : unsigned char { llama_cpp, ollama, vllm, lmstudio, anthropic };
[[nodiscard]] std::string_view to_string(FakeKind kind);
[[nodiscard]] std::optional<FakeKind> fake_kind(std::string_view name);

// What a fake backend does wrong when it is asked for tokens or vectors. "Behind `at`" means:
// behind so many whole pieces of the body, which are events if streamed and quarters if not.
enum class Fault : unsigned char {
  none,
  // Nothing, too slow, cut.
  hang_before_head,   // never answers
  drip_head,          // a byte of the head per drip_delay
  reset_before_head,  // resets instead of answering
  end_before_head,    // closes instead of answering
  hang_mid_stream,    // says no more behind `at`
  drip_body,          // a byte of the body per drip_delay
  reset_mid_stream,   // resets behind `at`
  end_mid_stream,     // closes behind `at`
  // Not HTTP, or not quite.
  garbage,                 // no HTTP at all
  http09,                  // a body without a head
  head_64k,                // a header line of 64 KiB; otherwise right
  endless_head,            // header lines without end
  status_999,              // a status beyond 599
  nul_in_header,           // a NUL in a header's value
  bare_lf,                 // a header line that ends in a lone LF
  two_lengths,             // two Content-Lengths that differ
  length_and_chunked,      // Content-Length and Transfer-Encoding
  length_too_long,         // Content-Length 100 over the body, then closes
  length_too_short,        // Content-Length 5, more body behind it
  bad_chunk_size,          // "xyz" for a chunk size behind `at`
  overflowing_chunk_size,  // a chunk size of 20 digits behind `at`
  continue_flood,          // 5000 times "100 Continue", then the right answer
  early_hints,             // one "103 Early Hints", then the right answer: not a fault
  // Statuses.
  status_429,  // with retry_after
  status_500,
  status_503,  // with retry_after
  status_529,
  // HTTP that is right, with a body that is not.
  gzip_body,               // encoded although nobody asked for it
  error_body_200,          // an error object with status 200
  no_done,                 // a stream that ends without [DONE], or message_stop
  error_event_first,       // an error event instead of the first token, then the end
  error_event_mid_stream,  // an error event behind `at`, then the end
  broken_json,             // half an object as the event behind `at`
  invalid_utf8,            // a byte 0xff in the next text behind `at`
  long_line,               // an event of 10 MB behind `at`
  split_every_byte,        // each byte of a streamed body in a chunk of its own: not a fault
  // Connections.
  close_unannounced,  // closes right after a whole answer that promised to keep the connection
};
[[nodiscard]] std::string_view to_string(Fault fault);
[[nodiscard]] std::optional<Fault> fault_named(std::string_view name);
// All of them but `none`, for tables of tests.
[[nodiscard]] std::vector<Fault> all_faults();

// How a fake backend behaves; made with designated initialisers. A request can override members by
// an object `fake` in its body, under the same names, durations in milliseconds as NAME_ms:
//   {"model": "m", "fake": {"fault": "reset_mid_stream", "at": 3, "head_delay_ms": 50}}
// No translation into another dialect carries such a member over; all carry what is said:
//   {"model": "m", "messages": [{"role": "user", "content": "fake: {\"tokens\": 3}"}]}
struct FakeScript {
  FakeKind kind = FakeKind::llama_cpp;
  std::vector<std::string> models{"fake-model"};
  std::vector<std::string> loaded{};  // for what tells of warmth: /api/ps, /api/v1/models
  std::string host{};                 // not empty: answer another Host with 403, as Ollama does
  std::string api_key{};              // Anthropic: not empty: answer requests without it with 401
  // Ollama and LM Studio: how long a model takes that is not loaded when it is asked for. Then it
  // is, and of more than `loaded_max` the oldest is not any more. Zero: they just answer.
  Duration load_time{};
  std::uint64_t loaded_max = 1;

  // What it tells of its models: tokens, and what they can do beside completing text ("tools",
  // "vision"). Neither told: as servers did before they told of it.
  std::uint64_t context = 0;
  std::optional<std::vector<std::string>> abilities{};
  // What it tells of its load.
  std::uint64_t waiting = 0;
  std::uint64_t running = 0;
  std::uint64_t slots = 2;
  std::uint64_t cache_permille = 0;
  bool tells_load = true;   // false: no /slots, no /metrics
  bool old_gauges = false;  // vLLM's names before 0.11

  Duration head_delay{};
  Duration event_delay{};
  Duration drip_delay = std::chrono::milliseconds(100);
  // How long an idle connection is kept. llama.cpp and vLLM: 5 s.
  Duration keep_alive = Duration::max();

  std::uint64_t tokens = 4;
  std::string word = "word";         // token i is "word<i> "
  std::uint64_t answer_bytes = 0;    // tokens are filled up until the text has about this size
  bool refuse = false;               // Anthropic: to say anything
  bool redact = false;               // Anthropic: a part of what it thinks is sealed
  bool cites = false;                // Anthropic: a page of the web and a document, in its text
  std::uint64_t thinks_unseen = 0;   // Anthropic: not 0: and says so by that many pings
  std::uint64_t requests_left = 49;  // Anthropic: what it says that its rate limits leave
  int status = 200;
  // Not 0: passes for a Rocket whose key may have so many at once, and refuses what is more.
  std::uint64_t concurrent = 0;
  std::string lost{};         // not empty: passes for a Rocket that has lost this, and warns
  std::string retry_after{};  // not empty: sent with every error status

  Fault fault = Fault::none;
  double fault_share = 1;  // of the requests that it strikes, spread evenly
  std::uint64_t at = 2;
  // Set: reset_mid_stream and end_mid_stream cut behind so many bytes of the answer, head
  // included, instead of behind `at`.
  std::optional<std::uint64_t> at_byte{};
  bool fault_probes = false;  // the fault also strikes what does not ask for tokens or vectors
  bool healthy = true;        // false: 503 for everything, as while a model loads
  bool draining = false;      // says so when it is probed, as a Rocket does
};

// `script` with what `overrides` says. invalid_field for a name or a value that means nothing.
[[nodiscard]] Result<FakeScript> with_overrides(FakeScript script, const nlohmann::json& overrides);

// The overrides in the body of a request: its last message, or its prompt, may be such a text.
// Null: there are none.
[[nodiscard]] nlohmann::json overrides_in(const nlohmann::json& body);

// The text of token `index`, and of the whole answer.
[[nodiscard]] std::string fake_token(const FakeScript& script, std::uint64_t index);
[[nodiscard]] std::string fake_text(const FakeScript& script);

}  // namespace rocket
