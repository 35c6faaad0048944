#include "proxy/dialog.h"

#include <algorithm>

#include "base/timestamp.h"
#include "schema/embed_translation.h"
#include "schema/quirks.h"
#include "schema/responses_writer.h"
#include "schema/translator.h"

namespace rocket {
namespace {

std::string_view path_of(Dialect dialect) {
  switch (dialect) {
    case Dialect::chat: return upstream_path(Operation::chat_completions);
    case Dialect::responses: return upstream_path(Operation::responses);
    case Dialect::anthropic: return upstream_path(Operation::messages);
    default: return upstream_path(Operation::ollama_chat);
  }
}

// What local servers add to OpenAI's fields a cloud may refuse; clouds are reached by TLS.
bool knows_additions(const Backend& backend) {
  return backend.kind != BackendKind::openai || !backend.endpoints.front()->url.tls;
}

}  // namespace

std::string_view stream_content_type(Dialect dialect) {
  return is_ollama(dialect) ? "application/x-ndjson" : "text/event-stream";
}

std::string_view Dialog::stream_type(BackendKind backend) const {
  return stream_content_type(dialect_for(backend));
}

bool Dialog::can_be_asked(BackendKind backend) const {
  switch (call_.operation) {
    case Operation::completions:
    case Operation::embeddings: return speaks(backend, Dialect::chat);
    case Operation::ollama_embed:
      return speaks(backend, Dialect::ollama) || speaks(backend, Dialect::chat);
    case Operation::count_tokens: return speaks(backend, Dialect::anthropic);
    default: return true;
  }
}

bool Dialog::translated(BackendKind backend) const {
  if (call_.operation == Operation::ollama_embed) return !speaks(backend, Dialect::ollama);
  return is_conversation(call_.operation) && !speaks(backend, client());
}

Dialect Dialog::dialect_for(BackendKind backend) const {
  return speaks(backend, client()) ? client() : quirks_of(backend).dialects.front();
}

Result<void> Dialog::open(Route& route, const Snapshot& snapshot) {
  const auto kind_of = [&](const Candidate* one) { return snapshot.backends[one->backend].kind; };
  const auto can_not = [&](const Candidate* one) { return !can_be_asked(kind_of(one)); };
  std::erase_if(route.candidates, can_not);
  if (route.candidates.empty()) {
    return fail(ErrorCode::capability_missing, "no backend that has the model '" +
                                                   std::string(route.name) + "' answers " +
                                                   std::string(upstream_path(call_.operation)));
  }
  const auto is_translated = [&](const Candidate* one) { return translated(kind_of(one)); };
  if (std::ranges::none_of(route.candidates, is_translated)) return {};
  model_ = route.name;
  const auto now = call_.loop().io.timers.wall_now();
  created_ = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (is_ollama(client())) append_timestamp(created_at_, now);
  const auto read = read_conversation();
  if (!read) return read;
  const auto strict = call_.request().head.headers.find("x-rocket-strict");
  return strict == "1" ? keep_lossless(route, snapshot) : Result<void>{};
}

Result<void> Dialog::read_conversation() {
  const std::string_view body = call_.request().body.text();
  if (call_.operation == Operation::ollama_embed) {
    // It is written anew for each backend; here it is seen whether it can be.
    const auto written = write_embeddings_request(body, {}, read_loss_);
    if (!written) return std::unexpected(written.error());
    read_loss_ = {};
    return {};
  }
  auto conversation = read_request(client(), body, read_loss_);
  if (!conversation) return std::unexpected(std::move(conversation.error()));
  conversation_ = std::move(*conversation);
  if (client() == Dialect::responses) echo_ = write_responses_echo(*conversation_);
  return {};
}

Result<void> Dialog::keep_lossless(Route& route, const Snapshot& snapshot) const {
  std::string lost;
  std::erase_if(route.candidates, [&](const Candidate* one) {
    const Backend& backend = snapshot.backends[one->backend];
    if (!translated(backend.kind)) return false;
    Outgoing out;
    ask(backend, one->model, out);
    if (out.loss.empty()) return false;
    if (lost.empty()) lost = out.loss.to_string();
    return true;
  });
  if (!route.candidates.empty()) return {};
  return fail(ErrorCode::invalid_field, "x-rocket-strict: the backend can not be told all of it (" +
                                            lost +
                                            "); leave that out, or ask without x-rocket-strict");
}

void Dialog::ask(const Backend& backend, std::string_view model, Outgoing& out) const {
  const std::string_view body = call_.request().body.text();
  if (!translated(backend.kind)) {
    out.path = upstream_path(call_.operation);
    out.query = call_.target.query;
    out.edits = upstream_edits(request_, model, client() == Dialect::chat);
    out.pieces = splice(body, out.edits);
    return;
  }
  out.translated = true;
  out.loss = read_loss_;
  if (call_.operation == Operation::ollama_embed) {
    out.path = upstream_path(Operation::embeddings);
    auto written = write_embeddings_request(body, model, out.loss);
    if (written) out.written = std::move(*written);  // open() has seen that it can be
  } else {
    const Dialect dialect = dialect_for(backend.kind);
    out.path = path_of(dialect);
    RequestFrame frame;
    frame.model = model;
    frame.additions = knows_additions(backend);
    out.written = write_request(dialect, *conversation_, frame, out.loss);
  }
  out.pieces = out.written.pieces();
}

std::unique_ptr<Interpreter> Dialog::interpreter(BackendKind backend) const {
  const size_t event_bytes_max = call_.current()->snapshot->config.limits.event_bytes.bytes;
  if (translated(backend)) {
    if (call_.operation == Operation::ollama_embed) return make_embed_interpreter(frame());
    return make_translator(dialect_for(backend), client(), frame(), conversation_->usage_asked,
                           event_bytes_max);
  }
  const bool passes_unread = client() == Dialect::chat || !is_conversation(call_.operation);
  if (passes_unread) {
    return make_openai_interpreter(call_.operation, request_.usage_asked, event_bytes_max);
  }
  return make_passing_interpreter(client(), event_bytes_max);
}

AnswerFrame Dialog::frame() const {
  return {.id = call_.id(),
          .model = model_,
          .created = created_,
          .created_at = created_at_,
          .echo = echo_};
}

}  // namespace rocket
