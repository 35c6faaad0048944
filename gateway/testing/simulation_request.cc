#include "testing/simulation_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "testing/fake_dialect.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

using Json = nlohmann::json;

constexpr const char* embeddings_path = "/v1/embeddings";

// The same request with its body in chunks of random sizes.
std::string as_chunked(SimDice& dice, const std::string& sized) {
  const size_t head_end = sized.find("Content-Length");
  const std::string body = sized.substr(sized.find("\r\n\r\n") + 4);
  std::string bytes = sized.substr(0, head_end) + "Transfer-Encoding: chunked\r\n\r\n";
  for (size_t at = 0; at < body.size();) {
    const size_t size = std::min<size_t>(1 + dice.below(60), body.size() - at);
    append_chunk_prefix(bytes, size);
    bytes += body.substr(at, size) + "\r\n";
    at += size;
  }
  return bytes + "0\r\n\r\n";
}

}  // namespace

SimAsked::SimAsked(SimDice& dice, SimDice& later, const SimPlan& plan, std::uint64_t number)
    : id_("s" + std::to_string(number)) {
  static const std::vector<std::string> models{"", "", "fake-model", "other-model"};
  static const std::vector<std::string> lanes{"interactive", "normal", "batch"};
  std::string lines = "X-Request-Id: " + id_ + "\r\n";
  if (dice.chance(0.2)) {
    hint_ = dice.one_of(plan.names);
    lines += "X-Rocket-Backend: " + hint_ + "\r\n";
  }
  if (dice.chance(0.4)) lines += "X-Rocket-Lane: " + dice.one_of(lanes) + "\r\n";
  model_ = dice.one_of(models);
  const std::string members = model_.empty() ? "" : "\"model\":\"" + model_ + "\",";
  embeddings_ = dice.chance(0.25);
  if (embeddings_) {
    draw_embeddings(dice, members);
    if (plan.babel && later.chance(0.4)) dialect_ = Dialect::ollama;
  } else {
    draw_chat(dice, later, plan, members);
  }
  if (plan.keyed) lines += key_line(later, plan);
  bytes_ = sim_post(path(), body_, lines);
  if (dice.chance(0.2)) bytes_ = as_chunked(dice, bytes_);
}

SimAsked::SimAsked(SimDice& dice, const SimPlan& plan, std::uint64_t number)
    : id_("s" + std::to_string(number)), embeddings_(true) {
  draw_embeddings(dice, "");
  std::string lines = "X-Request-Id: " + id_ + "\r\n";
  if (plan.keyed) lines += key_line(dice, plan);
  bytes_ = sim_post(path(), body_, lines);
}

void SimAsked::draw_chat(SimDice& dice, SimDice& later, const SimPlan& plan,
                         const std::string& members) {
  stream_ = dice.chance(0.65);
  FakeScript own;
  own.word = "q" + id_ + "x";
  own.tokens = dice.below(12);
  own.answer_bytes = plan.long_answers && dice.chance(0.1) ? dice.below(200'000) : 0;
  tokens_ = static_cast<std::int64_t>(own.tokens);
  text_ = fake_text(own);
  first_token_ = own.tokens == 0 ? "" : own.word + "0";
  const std::string fake = "{\"word\":\"" + own.word +
                           "\",\"tokens\":" + std::to_string(own.tokens) +
                           ",\"answer_bytes\":" + std::to_string(own.answer_bytes) + "}";
  body_ = "{" + members + "\"stream\":" + (stream_ ? "true" : "false") + ",";
  if (!plan.babel) {
    body_ += "\"fake\":" + fake + "," + client_of(dialect_).members("hi") + "}";
    return;
  }
  dialect_ = dialect_clients[later.below(dialect_clients.size())].dialect;
  if (dialect_ == Dialect::responses) body_ += "\"store\":false,";
  body_ += client_of(dialect_).members("fake: " + fake) + "}";
}

// Some show a key that nobody has, or none.
std::string SimAsked::key_line(SimDice& later, const SimPlan& plan) {
  const bool known = later.chance(0.92);
  if (known) key_ = &later.one_of(plan.config.keys_file.keys);
  if (!known && later.chance(0.5)) return {};
  return "Authorization: Bearer " + (known ? secret_of(*key_) : no_secret) + "\r\n";
}

std::string SimAsked::path() const {
  if (!embeddings_) return client_of(dialect_).path;
  return is_ollama(dialect_) ? "/api/embed" : embeddings_path;
}

void SimAsked::draw_embeddings(SimDice& dice, const std::string& members) {
  const std::uint64_t count = 1 + dice.below(4);
  std::string input = "\"text of " + id_ + "\"";
  if (count > 1) {
    input.insert(0, 1, '[');
    for (std::uint64_t i = 1; i < count; ++i)
      input += ",\"text " + std::to_string(i) + " of " + id_ + "\"";
    input += ']';
  }
  body_ = "{" + members + "\"input\":" + input + "}";
}

void SimAsked::hang_up(TimePoint now) {
  request_->abort();
  hung_up_at_ = now;
}

bool SimAsked::has_content() const {
  return !first_token_.empty() && request_->body().contains(first_token_);
}

std::string SimAsked::error_code() const {
  const auto body = Json::parse(request_->body(), nullptr, false);
  if (!body.is_object()) return {};
  const auto code = body.value("/error/code"_json_pointer, Json());
  return code.is_string() ? code.get<std::string>() : std::string();
}

std::string SimAsked::wrong() const {
  const SimRequest& request = *request_;
  if (request.status() == 0) return "a connection was closed without an answer";
  if (request.header("x-request-id") != id_) return "an answer to another request";
  if (stream_ && request.status() == 200) return wrong_stream();
  if (!request.whole()) return "an answer that is not a stream was cut";
  if (request.status() != 200) return wrong_error();
  const auto body = Json::parse(request.body(), nullptr, false);
  if (!body.is_object()) return "an answer is not JSON";
  const std::string backend = request.header("x-rocket-backend");
  // Only OpenAI's own answers are marked in their body.
  const bool marked = dialect_ == Dialect::chat;
  if (backend.empty() || body.value("_backend", "") != (marked ? backend : "")) {
    return "an answer does not say who gave it";
  }
  return embeddings_ ? wrong_embeddings(body) : wrong_chat(body);
}

std::string SimAsked::wrong_error() const {
  const SimRequest& request = *request_;
  const std::string fault = fault_of_error(dialect_, request.body());
  if (!fault.empty()) return fault + ": " + request.body();
  const int status = request.status();
  const bool later = status == 503 || status == 429 || status == 529;
  const std::string wait = request.header("retry-after");
  if (later && std::atoi(wait.c_str()) < 1) return "no Retry-After: " + request.body();
  return {};
}

std::string SimAsked::wrong_chat(const Json& body) const {
  const auto content = body.value(Json::json_pointer(client_of(dialect_).answer), Json());
  // Who has nothing to say says so in several ways.
  const bool right = content == text_ || (content.is_null() && text_.empty());
  return right ? "" : "an answer is not what its backend said: " + body.dump();
}

std::string SimAsked::wrong_embeddings(const Json& body) const {
  const FakeScript script;
  const FakeRequest request{.method = "POST", .path = embeddings_path, .body = body_};
  const auto right = Json::parse(fake_answer(script, request).pieces.front())["data"];
  const bool native = is_ollama(dialect_);
  const Json vectors = body.value(native ? "embeddings" : "data", Json());
  if (!vectors.is_array() || vectors.size() != right.size()) {
    return "vectors are missing or too many";
  }
  for (size_t i = 0; i < right.size(); ++i) {
    const Json vector = native ? vectors[i] : vectors[i].value("embedding", Json());
    if (vector != right[i]["embedding"]) return "a vector is another text's";
  }
  return {};
}

std::string SimAsked::wrong_stream() const {
  const SimRequest& request = *request_;
  const std::string& body = request.body();
  const HeardStream heard = hear_stream(dialect_, body);
  if (!heard.wrong.empty()) return "a stream against its grammar: " + heard.wrong;
  if (!heard.ended) {
    if (request.whole()) return "a stream without its end ended as if it were whole";
    if (!heard.failed) return "a broken stream does not say so";
    if (text_.starts_with(heard.text)) return {};
    return "a broken stream said something else: " + heard.text.substr(0, 200);
  }
  if (!request.whole()) return "a stream with its end was cut";
  if (dialect_ == Dialect::chat && !body.ends_with("data: [DONE]\n\n")) {
    return "something follows [DONE]";
  }
  if (heard.text == text_) return {};
  return "a stream is not what its backend said: " + heard.text.substr(0, 200);
}

}  // namespace rocket
