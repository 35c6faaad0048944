#include "batch/batch_json.h"

#include <cstdint>

#include "base/line_engine.h"
#include "wire/json_string.h"

namespace rocket {
namespace {

void append_text(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"" + std::string(name) + "\":";
  json_append_quoted(out, text);
}

void append_id(std::string& out, std::string_view name, std::string_view id) {
  if (id.empty()) {
    out += ",\"" + std::string(name) + "\":null";
  } else {
    append_text(out, name, id);
  }
}

// 0 is a time that has not come.
void append_time(std::string& out, std::string_view name, std::int64_t seconds) {
  out += ",\"" + std::string(name) + "\":" + (seconds == 0 ? "null" : std::to_string(seconds));
}

void append_number(std::string& out, std::string_view name, std::uint64_t number) {
  out += '"' + std::string(name) + "\":" + std::to_string(number);
}

void append_counts(std::string& out, const StoredBatch& batch) {
  out += R"(,"request_counts":{)";
  append_number(out, "total", batch.total);
  out += ',';
  append_number(out, "completed", batch.completed);
  out += ',';
  append_number(out, "failed", batch.failed);
  out += '}';
}

void append_usage(std::string& out, const BatchTokens& tokens) {
  out += R"(,"usage":{)";
  append_number(out, "input_tokens", tokens.input);
  out += R"(,"input_tokens_details":{)";
  append_number(out, "cached_tokens", tokens.cached);
  out += "},";
  append_number(out, "output_tokens", tokens.output);
  out += R"(,"output_tokens_details":{)";
  append_number(out, "reasoning_tokens", tokens.reasoning);
  out += "},";
  append_number(out, "total_tokens", tokens.input + tokens.output);
  out += '}';
}

// OpenAI's has nothing like it, so it stands where nothing else is looked for.
void append_engine(std::string& out, const StoredBatch& batch, std::string_view paused) {
  if (batch.engine == to_string(LineEngine::local)) return;
  out += R"(,"_engine":{"name":)" + json_quoted(batch.engine);
  if (!has_ended(batch.status)) {
    append_text(out, "state", paused.empty() ? "running" : "paused");
    out += R"(,"reason":)" + (paused.empty() ? "null" : json_quoted(paused));
  }
  out += '}';
}

}  // namespace

std::string_view to_string(BatchStatus status) {
  switch (status) {
    case BatchStatus::validating: return "validating";
    case BatchStatus::failed: return "failed";
    case BatchStatus::in_progress: return "in_progress";
    case BatchStatus::finalizing: return "finalizing";
    case BatchStatus::completed: return "completed";
    case BatchStatus::expired: return "expired";
    case BatchStatus::cancelling: return "cancelling";
    case BatchStatus::cancelled: return "cancelled";
  }
  return "failed";
}

std::string write_batch(const StoredBatch& batch, std::string_view paused) {
  std::string out = R"({"id":)" + json_quoted(batch.id) + R"(,"object":"batch")";
  append_text(out, "endpoint", batch.endpoint);
  out += R"(,"errors":)";
  out += batch.errors.empty() ? "null" : R"({"object":"list","data":)" + batch.errors + "}";
  append_text(out, "input_file_id", batch.input_file_id);
  append_text(out, "completion_window", batch.completion_window);
  append_text(out, "status", to_string(batch.status));
  append_id(out, "output_file_id", batch.output_file_id);
  append_id(out, "error_file_id", batch.error_file_id);
  append_time(out, "created_at", batch.created_at);
  append_time(out, "in_progress_at", batch.in_progress_at);
  append_time(out, "expires_at", batch.expires_at);
  append_time(out, "finalizing_at", batch.finalizing_at);
  append_time(out, "completed_at", batch.completed_at);
  append_time(out, "failed_at", batch.failed_at);
  append_time(out, "expired_at", batch.expired_at);
  append_time(out, "cancelling_at", batch.cancelling_at);
  append_time(out, "cancelled_at", batch.cancelled_at);
  append_counts(out, batch);
  append_usage(out, batch.tokens);
  out += R"(,"metadata":)" + (batch.metadata.empty() ? "null" : batch.metadata);
  append_engine(out, batch, paused);
  return out + '}';
}

std::string write_batches(const Store::Listed<StoredBatch>& listed, std::string_view paused) {
  std::string out = R"({"object":"list","data":[)";
  for (const StoredBatch& batch : listed.items) {
    if (&batch != &listed.items.front()) out += ',';
    out += write_batch(batch, paused);
  }
  out += ']';
  append_id(out, "first_id", listed.items.empty() ? "" : listed.items.front().id);
  append_id(out, "last_id", listed.items.empty() ? "" : listed.items.back().id);
  return out + R"(,"has_more":)" + (listed.more ? "true}" : "false}");
}

}  // namespace rocket
