#include "testing/simulation_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "testing/fake_dialect.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

using Json = nlohmann::json;

constexpr const char* chat_path = "/v1/chat/completions";
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

SimAsked::SimAsked(SimDice& dice, const SimPlan& plan, std::uint64_t number,
                   const std::vector<std::string>& backends)
    : id_("s" + std::to_string(number)) {
  static const std::vector<std::string> models{"", "", "fake-model", "other-model"};
  static const std::vector<std::string> lanes{"interactive", "normal", "batch"};
  std::string lines = "X-Request-Id: " + id_ + "\r\n";
  if (dice.chance(0.2)) {
    hint_ = dice.one_of(backends);
    lines += "X-Rocket-Backend: " + hint_ + "\r\n";
  }
  if (dice.chance(0.4)) lines += "X-Rocket-Lane: " + dice.one_of(lanes) + "\r\n";
  const std::string& model = dice.one_of(models);
  const std::string members = model.empty() ? "" : "\"model\":\"" + model + "\",";
  embeddings_ = dice.chance(0.25);
  if (embeddings_) {
    draw_embeddings(dice, members);
  } else {
    draw_chat(dice, plan, members);
  }
  bytes_ = sim_post(embeddings_ ? embeddings_path : chat_path, body_, lines);
  if (dice.chance(0.2)) bytes_ = as_chunked(dice, bytes_);
}

void SimAsked::draw_chat(SimDice& dice, const SimPlan& plan, const std::string& members) {
  stream_ = dice.chance(0.65);
  FakeScript own;
  own.word = "q" + id_ + "x";
  own.tokens = dice.below(12);
  own.answer_bytes = plan.long_answers && dice.chance(0.1) ? dice.below(200'000) : 0;
  text_ = fake_text(own);
  first_token_ = own.tokens == 0 ? "" : own.word + "0";
  body_ = "{" + members + "\"stream\":" + (stream_ ? "true" : "false") + ",\"fake\":{\"word\":\"" +
          own.word + "\",\"tokens\":" + std::to_string(own.tokens) +
          ",\"answer_bytes\":" + std::to_string(own.answer_bytes) +
          "},\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
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
  const auto body = Json::parse(request.body(), nullptr, false);
  if (!body.is_object()) return "an answer is not JSON";
  if (request.status() != 200) {
    if (!body.contains("error")) return "an error does not say what is wrong";
    const bool later = request.status() == 503 || request.status() == 429;
    const std::string wait = request.header("retry-after");
    if (later && std::atoi(wait.c_str()) < 1) return "no Retry-After: " + request.body();
    return {};
  }
  const std::string backend = request.header("x-rocket-backend");
  if (body.value("_backend", "") != backend || backend.empty()) {
    return "an answer does not say who gave it";
  }
  return embeddings_ ? wrong_embeddings(body) : wrong_chat(body);
}

std::string SimAsked::wrong_chat(const Json& body) const {
  const auto content = body.value("/choices/0/message/content"_json_pointer, Json());
  return content == text_ ? "" : "an answer is not what its backend said";
}

std::string SimAsked::wrong_embeddings(const Json& body) const {
  const FakeScript script;
  const FakeRequest request{.method = "POST", .path = embeddings_path, .body = body_};
  const auto right = Json::parse(fake_answer(script, request).pieces.front());
  if (!body.contains("data") || body["data"].size() != right["data"].size()) {
    return "vectors are missing or too many";
  }
  for (size_t i = 0; i < right["data"].size(); ++i) {
    if (body["data"][i].value("embedding", Json()) != right["data"][i]["embedding"]) {
      return "a vector is another text's";
    }
  }
  return {};
}

std::string SimAsked::wrong_stream() const {
  constexpr std::string_view end = "data: [DONE]\n\n";
  const SimRequest& request = *request_;
  const std::string& body = request.body();
  const size_t done = body.find(end);
  const std::string text = request.text();
  if (done == std::string::npos) {
    if (request.whole()) return "a stream without [DONE] ended as if it were whole";
    if (!request.has_error()) return "a broken stream does not say so";
    return text_.starts_with(text) ? "" : "a broken stream said something else: " + text;
  }
  if (!request.whole()) return "a stream with [DONE] was cut";
  if (request.has_error()) return "a stream with [DONE] holds an error";
  if (done + end.size() != body.size()) return "something follows [DONE]";
  return text == text_ ? "" : "a stream is not what its backend said: " + text.substr(0, 200);
}

}  // namespace rocket
