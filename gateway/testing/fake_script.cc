#include "testing/fake_script.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace rocket {
namespace {

using Json = nlohmann::json;

constexpr std::array kinds{
    std::pair{FakeKind::llama_cpp, "llama_cpp"}, std::pair{FakeKind::ollama, "ollama"},
    std::pair{FakeKind::vllm, "vllm"},           std::pair{FakeKind::lmstudio, "lmstudio"},
    std::pair{FakeKind::anthropic, "anthropic"},
};

constexpr std::array faults{
    std::pair{Fault::none, "none"},
    std::pair{Fault::hang_before_head, "hang_before_head"},
    std::pair{Fault::drip_head, "drip_head"},
    std::pair{Fault::reset_before_head, "reset_before_head"},
    std::pair{Fault::end_before_head, "end_before_head"},
    std::pair{Fault::hang_mid_stream, "hang_mid_stream"},
    std::pair{Fault::drip_body, "drip_body"},
    std::pair{Fault::reset_mid_stream, "reset_mid_stream"},
    std::pair{Fault::end_mid_stream, "end_mid_stream"},
    std::pair{Fault::garbage, "garbage"},
    std::pair{Fault::http09, "http09"},
    std::pair{Fault::head_64k, "head_64k"},
    std::pair{Fault::endless_head, "endless_head"},
    std::pair{Fault::status_999, "status_999"},
    std::pair{Fault::nul_in_header, "nul_in_header"},
    std::pair{Fault::bare_lf, "bare_lf"},
    std::pair{Fault::two_lengths, "two_lengths"},
    std::pair{Fault::length_and_chunked, "length_and_chunked"},
    std::pair{Fault::length_too_long, "length_too_long"},
    std::pair{Fault::length_too_short, "length_too_short"},
    std::pair{Fault::bad_chunk_size, "bad_chunk_size"},
    std::pair{Fault::overflowing_chunk_size, "overflowing_chunk_size"},
    std::pair{Fault::continue_flood, "continue_flood"},
    std::pair{Fault::early_hints, "early_hints"},
    std::pair{Fault::status_429, "status_429"},
    std::pair{Fault::status_500, "status_500"},
    std::pair{Fault::status_503, "status_503"},
    std::pair{Fault::status_529, "status_529"},
    std::pair{Fault::gzip_body, "gzip_body"},
    std::pair{Fault::error_body_200, "error_body_200"},
    std::pair{Fault::no_done, "no_done"},
    std::pair{Fault::error_event_first, "error_event_first"},
    std::pair{Fault::error_event_mid_stream, "error_event_mid_stream"},
    std::pair{Fault::broken_json, "broken_json"},
    std::pair{Fault::invalid_utf8, "invalid_utf8"},
    std::pair{Fault::long_line, "long_line"},
    std::pair{Fault::split_every_byte, "split_every_byte"},
    std::pair{Fault::close_unannounced, "close_unannounced"},
};

// One row per enumerator.
static_assert(faults.size() == static_cast<std::size_t>(Fault::close_unannounced) + 1);

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) {
  for (const auto& [each, name] : table) {
    if (each == value) return name;
  }
  return "unknown";
}

template <class Value, class Table>
std::optional<Value> named_in(const Table& table, std::string_view wanted) {
  for (const auto& [value, name] : table) {
    if (wanted == name) return value;
  }
  return std::nullopt;
}

bool set(std::uint64_t& out, const Json& value) {
  if (!value.is_number_unsigned()) return false;
  out = value.get<std::uint64_t>();
  return true;
}

bool set(std::optional<std::uint64_t>& out, const Json& value) {
  return set(out.emplace(), value);
}

bool set(int& out, const Json& value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 999) return false;
  out = value.get<int>();
  return true;
}

bool set(Duration& out, const Json& value) {
  if (!value.is_number_unsigned()) return false;
  out = std::chrono::milliseconds(value.get<std::uint32_t>());
  return true;
}

// A share.
bool set(double& out, const Json& value) {
  if (!value.is_number()) return false;
  out = value.get<double>();
  return out >= 0 && out <= 1;
}

bool set(std::string& out, const Json& value) {
  if (!value.is_string()) return false;
  out = value.get<std::string>();
  return true;
}

bool set(Fault& out, const Json& value) {
  const auto fault = value.is_string() ? fault_named(value.get<std::string>()) : std::nullopt;
  if (fault) out = *fault;
  return fault.has_value();
}

bool set(bool& out, const Json& value) {
  if (!value.is_boolean()) return false;
  out = value.get<bool>();
  return true;
}

bool set(std::optional<std::vector<std::string>>& out, const Json& value) {
  if (!value.is_array()) return false;
  out.emplace();
  return std::ranges::all_of(value, [&](const Json& one) { return set(out->emplace_back(), one); });
}

// What a server tells of itself, and what of it comes true.
bool set_told(FakeScript& script, std::string_view name, const Json& value) {
  if (name == "load_time_ms") return set(script.load_time, value);
  if (name == "loaded_max") return set(script.loaded_max, value);
  if (name == "context") return set(script.context, value);
  if (name == "abilities") return set(script.abilities, value);
  if (name == "waiting") return set(script.waiting, value);
  if (name == "running") return set(script.running, value);
  if (name == "slots") return set(script.slots, value);
  if (name == "cache_permille") return set(script.cache_permille, value);
  if (name == "tells_load") return set(script.tells_load, value);
  if (name == "old_gauges") return set(script.old_gauges, value);
  if (name == "healthy") return set(script.healthy, value);
  if (name == "draining") return set(script.draining, value);
  return false;
}

bool set_member(FakeScript& script, std::string_view name, const Json& value) {
  if (name == "fault") return set(script.fault, value);
  if (name == "fault_share") return set(script.fault_share, value);
  if (name == "at") return set(script.at, value);
  if (name == "at_byte") return set(script.at_byte, value);
  if (name == "tokens") return set(script.tokens, value);
  if (name == "word") return set(script.word, value);
  if (name == "answer_bytes") return set(script.answer_bytes, value);
  if (name == "api_key") return set(script.api_key, value);
  if (name == "refuse") return set(script.refuse, value);
  if (name == "redact") return set(script.redact, value);
  if (name == "cites") return set(script.cites, value);
  if (name == "thinks_unseen") return set(script.thinks_unseen, value);
  if (name == "concurrent") return set(script.concurrent, value);
  if (name == "lost") return set(script.lost, value);
  if (name == "requests_left") return set(script.requests_left, value);
  if (name == "status") return set(script.status, value);
  if (name == "retry_after") return set(script.retry_after, value);
  if (name == "head_delay_ms") return set(script.head_delay, value);
  if (name == "event_delay_ms") return set(script.event_delay, value);
  if (name == "drip_delay_ms") return set(script.drip_delay, value);
  return set_told(script, name, value);
}

}  // namespace

std::string_view to_string(FakeKind kind) {
  return name_in(kinds, kind);
}

std::optional<FakeKind> fake_kind(std::string_view name) {
  return named_in<FakeKind>(kinds, name);
}

std::string_view to_string(Fault fault) {
  return name_in(faults, fault);
}

std::optional<Fault> fault_named(std::string_view name) {
  return named_in<Fault>(faults, name);
}

std::vector<Fault> all_faults() {
  std::vector<Fault> all;
  for (const auto& row : faults) {
    if (row.first != Fault::none) all.push_back(row.first);
  }
  return all;
}

Result<FakeScript> with_overrides(FakeScript script, const nlohmann::json& overrides) {
  if (!overrides.is_object()) return fail(ErrorCode::invalid_field, "`fake` is not an object");
  for (const auto& [name, value] : overrides.items()) {
    if (!set_member(script, name, value)) {
      return fail(ErrorCode::invalid_field, "fake." + name + " means nothing: " + value.dump());
    }
  }
  return script;
}

Json overrides_in(const Json& body) {
  constexpr std::string_view mark = "fake: ";
  if (!body.is_object()) return {};
  if (body.contains("fake")) return body["fake"];
  const Json messages = body.value("messages", Json());
  const bool spoken = messages.is_array() && !messages.empty() && messages.back().is_object();
  Json said = spoken ? messages.back().value("content", Json()) : body.value("prompt", Json());
  // A text, or parts of which the last is one.
  if (said.is_array() && !said.empty() && said.back().is_object()) {
    said = said.back().value("text", Json());
  }
  if (!said.is_string() || !said.get_ref<const std::string&>().starts_with(mark)) return {};
  return Json::parse(said.get_ref<const std::string&>().substr(mark.size()), nullptr, false);
}

std::string fake_token(const FakeScript& script, std::uint64_t index) {
  std::string token = script.word + std::to_string(index) + ' ';
  const std::uint64_t bytes = script.tokens == 0 ? 0 : script.answer_bytes / script.tokens;
  if (token.size() < bytes) token.insert(token.size() - 1, bytes - token.size(), 'x');
  return token;
}

std::string fake_text(const FakeScript& script) {
  std::string text;
  for (std::uint64_t i = 0; i < script.tokens; ++i)
    text += fake_token(script, i);
  return text;
}

}  // namespace rocket
