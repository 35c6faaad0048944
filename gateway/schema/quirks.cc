#include "schema/quirks.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "wire/json.h"

namespace rocket {
namespace {

const std::array<Quirks, all_backend_kinds.size()>& table() {
  static const std::array<Quirks, all_backend_kinds.size()> rows{{
      {.kind = BackendKind::openai,
       .alive_path = "/v1/models",
       .inventory_paths = {"/v1/models"},
       .load_sources = {{"/slots", LoadFormat::slots, "llamacpp"},
                        {"/metrics", LoadFormat::gauges, "llamacpp"},
                        {"/metrics", LoadFormat::gauges, "sglang"}},
       // Gives as many as it has slots, more is a 400, and tells the tokens of one.
       .one_choice_owners = {"llamacpp"}},
      {.kind = BackendKind::ollama,
       .alive_path = "/api/version",
       .inventory_paths = {"/api/tags"},
       .loaded_path = "/api/ps",
       .details_path = "/api/show",
       .dialects = {Dialect::chat, Dialect::ollama, Dialect::generate},
       .implicit_latest = true,
       .thinking_name = "reasoning",
       .takes_effort = false,
       .loads_on_demand = true,
       .one_choice = true,
       .unheeded = {"logit_bias", "top_k", "min_p", "functions", "function_call"},
       .knows_developers = false,
       .knows_newer_limit = false,
       .steers_tools = false},
      {.kind = BackendKind::vllm,
       .alive_path = "/health",
       .inventory_paths = {"/v1/models"},
       .load_sources = {{"/metrics", LoadFormat::gauges, "", true}},
       .unheeded = {"functions", "function_call"},
       .refuses_excess = true},
      // Lists what is downloaded and loads on demand: not loaded is not dead.
      {.kind = BackendKind::lmstudio,
       .alive_path = "/v1/models",
       .inventory_paths = {"/api/v1/models", "/api/v0/models", "/v1/models"},
       .loads_on_demand = true,
       .one_choice = true,
       .takes_json_object = false,
       .knows_developers = false,
       .knows_newer_limit = false,
       .names_tools = false,
       .encodes_vectors = false},
      // Pages of its list are as long as is asked for; the version is the only one there is.
      {.kind = BackendKind::anthropic,
       .alive_path = "/v1/models?limit=1000",
       .may_not_list = true,
       .inventory_paths = {"/v1/models?limit=1000"},
       .dialects = {Dialect::anthropic},
       .counts_tokens = true,
       .key_header = "x-api-key",
       .key_scheme = "",
       .head_lines = "anthropic-version: 2023-06-01\r\n",
       .checks_seals = true,
       .one_choice = true},
  }};
  return rows;
}

// Of a server's word about itself; an inventory is longer.
constexpr size_t word_bytes_max = 1024;

bool equal_ignoring_case(char a, char b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return lower(a) == lower(b);
}

bool says(std::string_view body, std::string_view words) {
  return body.size() <= word_bytes_max &&
         !std::ranges::search(body, words, equal_ignoring_case).empty();
}

}  // namespace

const Quirks& quirks_of(BackendKind kind) {
  for (const Quirks& row : table()) {
    if (row.kind == kind) return row;
  }
  ROCKET_ASSERT(false);
  return table().front();
}

bool says_loading(int status, std::string_view body) {
  return status == 503 && says(body, "loading model");
}

bool says_busy(int status, std::string_view body) {
  return status == 503 && (says(body, "server busy") || says(body, "queue is full"));
}

Liveness read_liveness(const Quirks& quirks, int status, std::string_view body) {
  const bool unlisted = status == 403 || status == 404 || status == 405;
  if (quirks.may_not_list && unlisted) return Liveness::alive;
  if (says_loading(status, body)) return Liveness::loading;
  const bool short_word = body.size() <= word_bytes_max;
  const auto word = short_word ? parse_json(body) : fail(ErrorCode::invalid_json);
  if (word && word->kind == JsonKind::object) {
    const auto said = json_find(word->text, "status");
    if (said && said->string_is("draining")) return Liveness::draining;
  }
  return status / 100 == 2 ? Liveness::alive : Liveness::dead;
}

}  // namespace rocket
