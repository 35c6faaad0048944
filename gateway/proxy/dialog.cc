#include "proxy/dialog.h"

#include <algorithm>

#include "base/timestamp.h"
#include "schema/choices.h"
#include "schema/embed_translation.h"
#include "schema/quirks.h"
#include "schema/responses_writer.h"
#include "schema/shown_tools.h"
#include "schema/translator.h"
#include "schema/unheeded.h"
#include "wire/json.h"

namespace rocket {
namespace {

// So much of a number goes into a message.
constexpr size_t number_shown_max = 32;

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

std::string_view Dialog::stream_type(const Backend& backend) const {
  return stream_content_type(dialect_for(backend));
}

bool Dialog::can_be_asked(const Backend& backend) const {
  // Only Ollama's own dialect can ask to have a model loaded.
  if (request_.asks_nothing) return backend.speaks(client());
  switch (call_.operation) {
    case Operation::completions:
    case Operation::embeddings: return backend.speaks(Dialect::chat);
    case Operation::ollama_embed:
      return backend.speaks(Dialect::ollama) || backend.speaks(Dialect::chat);
    case Operation::count_tokens: return backend.counts_tokens;
    default: return true;
  }
}

bool Dialog::translated(const Backend& backend) const {
  if (call_.operation == Operation::ollama_embed) return !backend.speaks(Dialect::ollama);
  if (!is_conversation(call_.operation)) return false;
  return !backend.speaks(client()) || (unsealed_ && quirks_of(backend.kind).checks_seals);
}

Dialect Dialog::dialect_for(const Backend& backend) const {
  return backend.speaks(client()) ? client() : backend.dialects.front();
}

// What a model of another kind has thought, or where it says that it has something from, and a
// client says again, without the seal that whoever takes it for its own wants to see.
bool Dialog::says_what_is_unsealed() const {
  if (call_.operation != Operation::messages) return false;
  const std::string_view body = call_.request().body.text();
  for (const std::string_view none : {R"("signature":"")", R"("signature": "")",
                                      R"("encrypted_index":"")", R"("encrypted_index": "")"}) {
    if (body.contains(none)) return true;
  }
  return false;
}

Result<void> Dialog::open(Route& route, const Snapshot& snapshot) {
  unsealed_ = says_what_is_unsealed();
  const auto of = [&](const Candidate* one) -> const Backend& {
    return snapshot.backends[one->backend];
  };
  const auto can_not = [&](const Candidate* one) { return !can_be_asked(of(one)); };
  std::erase_if(route.candidates, can_not);
  if (route.candidates.empty()) {
    return fail(ErrorCode::capability_missing, "no backend that has the model '" +
                                                   std::string(route.name) + "' answers " +
                                                   std::string(upstream_path(call_.operation)));
  }
  if (client() == Dialect::responses) {
    const auto found = open_history(route, snapshot);
    if (!found) return found;
    for (const auto& [input, output] : history_->context().earlier) {
      media_.add_earlier(input);
      media_.add_earlier(output);
    }
    for (const ReferredItem& one : history_->context().items)
      media_.add_earlier(one.json);
  }
  const auto kept = media_.keep_who_may(route, snapshot);
  if (!kept) return kept;
  if (request_.choices > 1) {
    const auto few = keep_countable(route, snapshot);
    if (!few) return few;
  }
  const auto is_translated = [&](const Candidate* one) { return translated(of(one)); };
  if (std::ranges::any_of(route.candidates, is_translated)) {
    const auto read = begin_translation(route.name);
    if (!read) return read;
    const auto replaces = [&](const Candidate* one) { return media_.replaces_for(of(one)); };
    if (std::ranges::any_of(route.candidates, replaces)) {
      const auto put = put_files_in();
      if (!put) return put;
    }
  } else if (!may_be_changed()) {
    return {};
  }
  return call_.is_strict() ? keep_lossless(route, snapshot) : Result<void>{};
}

bool Dialog::asks_one_by_one(const Backend& backend) const {
  if (request_.choices == 1 || call_.part() != nullptr) return false;
  return quirks_of(backend.kind).one_choice ||
         std::ranges::any_of(backend.endpoints, [](const auto& endpoint) {
           return endpoint->one_choice.load(std::memory_order_relaxed);
         });
}

// Who is asked once for all choices may be asked for any number.
Result<void> Dialog::keep_countable(Route& route, const Snapshot& snapshot) const {
  const std::uint32_t most = snapshot.config.limits.choices;
  if (request_.choices <= most) return {};
  std::erase_if(route.candidates, [&](const Candidate* one) {
    return asks_one_by_one(snapshot.backends[one->backend]);
  });
  if (!route.candidates.empty()) return {};
  const auto n = json_find(call_.request().body.text(), "n");
  const std::string sent =
      n ? std::string(n->text.substr(0, number_shown_max)) : std::to_string(request_.choices);
  return fail(ErrorCode::invalid_field,
              "`n` is " + sent +
                  ", and of a backend that gives one choice at a time there are at most " +
                  std::to_string(most) + " to be had (limits.choices); send a smaller `n`");
}

Result<void> Dialog::begin_translation(std::string_view model) {
  model_ = model;
  const auto now = call_.loop().io.timers.wall_now();
  created_ = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (is_ollama(client())) append_timestamp(created_at_, now);
  return read_conversation();
}

// A backend that is told everything in the client's own words keeps responses itself: it knows
// its own, and none of ours.
Result<void> Dialog::open_history(Route& route, const Snapshot& snapshot) {
  // Not even of whoever answers Responses himself: nobody could come back for it here.
  const auto background = json_find(call_.request().body.text(), "background");
  if (background && background->text == "true") {
    return fail(ErrorCode::invalid_field,
                "`background` is not served; a response comes with its request, so leave it out");
  }
  history_ = std::make_unique<ResponseHistory>(call_);
  auto found = history_->open();
  if (found && !history_->refers()) return {};
  std::erase_if(route.candidates, [&](const Candidate* one) {
    return translated(snapshot.backends[one->backend]) != found.has_value();
  });
  if (!route.candidates.empty()) return {};
  if (!found) return found;
  return fail(ErrorCode::previous_response_not_found,
              "no backend that has the model '" + std::string(route.name) +
                  "' can be asked what refers to responses that are kept here; send the whole "
                  "conversation as `input`");
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
  auto conversation = history_ ? read_responses_request(body, read_loss_, history_->context())
                               : read_request(client(), body, read_loss_);
  if (!conversation) return std::unexpected(std::move(conversation.error()));
  conversation_ = std::make_unique<Conversation>(std::move(*conversation));
  if (request_.choices > 1) {
    ask_for_choice(*conversation_, call_.part() == nullptr ? 0 : call_.part()->index);
  }
  if (history_) {
    history_->settle(*conversation_, read_loss_);
    echo_ = write_responses_echo(*conversation_, history_->keeps());
  }
  // Two events at the beginning of a stream say it again.
  const size_t bytes = memory_of(*conversation_) + 3 * echo_.size();
  if (!hold_.extend(call_.loop().bodies, bytes)) return fail(ErrorCode::overloaded);
  return {};
}

Task<Result<void>> Dialog::fetch_media(Route& route, TimePoint deadline) {
  const Timers& timers = call_.loop().io.timers;
  const TimePoint begun = timers.now();
  auto fetched = co_await media_.fetch(deadline);
  if (Receipt* const receipt = call_.receipt()) receipt->media += timers.now() - begun;
  if (fetched && with_files_) {
    *with_files_ = *conversation_;
    media_.put_into(*with_files_);
  }
  if (!fetched) {
    std::erase_if(route.candidates, [&](const Candidate* one) { return wants_media(*one); });
  }
  co_return fetched;
}

Result<void> Dialog::put_files_in() {
  if (!conversation_) return {};
  with_files_ = std::make_unique<Conversation>(*conversation_);
  media_.put_into(*with_files_);
  const bool held = hold_.extend(call_.loop().bodies, memory_of(*with_files_));
  return held ? Result<void>{} : fail(ErrorCode::overloaded);
}

void Dialog::close() {
  if (history_ && conversation_) history_->begin(conversation_->input);
  conversation_.reset();
  with_files_.reset();
  media_.clear();
  hold_ = {};
  if (history_) history_->release();
}

void Dialog::keep(const Interpreter& interpreter) const {
  if (!history_) return;
  history_->keep(interpreter.answer(), conversation_ ? conversation_->input : std::string_view());
}

Result<void> Dialog::keep_lossless(Route& route, const Snapshot& snapshot) const {
  std::string lost;
  std::erase_if(route.candidates, [&](const Candidate* one) {
    Outgoing out;
    ask(snapshot.backends[one->backend], *one, out);
    if (out.loss.empty()) return false;
    if (lost.empty()) lost = out.loss.to_string();
    return true;
  });
  if (!route.candidates.empty()) return {};
  return fail(ErrorCode::invalid_field, "x-rocket-strict: the backend can not be told all of it (" +
                                            lost +
                                            "); leave that out, or ask without x-rocket-strict");
}

// The client's own words may have to be changed for somebody.
bool Dialog::may_be_changed() const {
  return request_.choices > 1 || request_.steers_tools || request_.seldom_heeded;
}

// What is changed of the client's own words for who would not heed them, or because they are asked
// for one choice alone.
void Dialog::change_for(const Backend& backend, Outgoing& out) const {
  const std::string_view body = call_.request().body.text();
  const auto add = [&](std::vector<Edit> edits) {
    std::ranges::move(edits, std::back_inserter(out.edits));
  };
  if (call_.part() != nullptr) add(edits_for_choice(body, call_.part()->index));
  const Quirks& quirks = quirks_of(backend.kind);
  if (request_.steers_tools && !quirks.steers_tools) {
    add(shown_tools_edits(body, out.loss));
  } else if (request_.steers_tools && !quirks.names_tools) {
    add(named_tool_edits(body, out.loss));
  }
  if (request_.seldom_heeded) add(heeded_edits(body, quirks, out.loss));
  std::ranges::sort(out.edits, {},
                    [](const Edit& edit) { return std::pair(edit.begin, edit.end); });
}

void Dialog::ask(const Backend& backend, const Candidate& candidate, Outgoing& out) const {
  const std::string_view model = candidate.model;
  const std::string_view body = call_.request().body.text();
  if (asks_one_by_one(backend)) out.loss.emulate("n");
  if (!translated(backend)) {
    out.path = upstream_path(call_.operation);
    out.query = call_.target.query;
    out.edits = upstream_edits(request_, model, client() == Dialect::chat);
    if (may_be_changed()) change_for(backend, out);
    if (media_.replaces_for(backend)) media_.append_edits(out.edits);
    out.pieces = splice(body, out.edits);
    return;
  }
  out.translated = true;
  out.loss.add(read_loss_);
  if (call_.operation == Operation::ollama_embed) {
    out.path = upstream_path(Operation::embeddings);
    auto written = write_embeddings_request(body, model, out.loss);
    if (written) out.written = std::move(*written);  // open() has seen that it can be
  } else {
    const Dialect dialect = dialect_for(backend);
    out.path = path_of(dialect);
    if (dialect == client()) out.query = call_.target.query;
    RequestFrame frame;
    frame.model = model;
    frame.additions = knows_additions(backend);
    frame.efforts = quirks_of(backend.kind).takes_effort;
    for (const ModelFacts& facts : candidate.facts) {
      frame.max_tokens = std::max<std::int64_t>(frame.max_tokens, facts.output);
      frame.thinking = facts.thinking;
      if (quirks_of(backend.kind).refuses_excess && facts.context != 0) {
        frame.context = std::min<std::int64_t>(frame.context == 0 ? facts.context : frame.context,
                                               facts.context);
      }
    }
    frame.thinking_name = quirks_of(backend.kind).thinking_name;
    frame.takes_json_object = quirks_of(backend.kind).takes_json_object;
    frame.steers_tools = quirks_of(backend.kind).steers_tools;
    frame.names_tools = quirks_of(backend.kind).names_tools;
    frame.unheeded = quirks_of(backend.kind).unheeded;
    const Conversation& said = media_.replaces_for(backend) ? *with_files_ : *conversation_;
    out.written = write_request(dialect, said, frame, out.loss);
  }
  out.pieces = out.written.pieces();
  out.over_budget = !out.hold.extend(call_.loop().bodies, out.written.memory());
}

std::unique_ptr<Interpreter> Dialog::interpreter(const Backend& backend) const {
  const size_t event_bytes_max = call_.current()->snapshot->config.limits.event_bytes.bytes;
  const bool embeds = call_.operation == Operation::ollama_embed;
  if (translated(backend) && (embeds || !backend.speaks(client()))) {
    const TranslationPlan plan{.upstream = dialect_for(backend),
                               .client = client(),
                               .frame = frame(),
                               .usage_asked = conversation_ && conversation_->usage_asked,
                               .event_bytes_max = event_bytes_max,
                               .bodies = call_.loop().bodies,
                               .timers = call_.loop().io.timers,
                               .asked_at = call_.request().head_at};
    return embeds ? make_embed_interpreter(plan) : make_translator(plan);
  }
  if (request_.base64 && !quirks_of(backend.kind).encodes_vectors) {
    return make_base64_interpreter(call_.loop().bodies);
  }
  const bool passes_unread = client() == Dialect::chat || !is_conversation(call_.operation);
  if (passes_unread) {
    return make_openai_interpreter(call_.operation, request_.usage_asked, event_bytes_max);
  }
  return make_passing_interpreter(client(), event_bytes_max);
}

AnswerFrame Dialog::frame() const {
  return {.id = history_ ? history_->id() : call_.id(),
          .model = model_,
          .created = created_,
          .created_at = created_at_,
          .echo = echo_,
          .legacy_functions = conversation_ && conversation_->legacy_functions};
}

}  // namespace rocket
