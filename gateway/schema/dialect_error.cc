#include "schema/dialect_error.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "wire/json.h"
#include "wire/json_string.h"

namespace rocket {
namespace {

// 503 says that nobody can answer now. Who is up but has too much to do is "overloaded" to
// Anthropic's clients, some of which ask another model then; who is gone has failed.
bool is_overload(const ToldError& error) {
  constexpr std::array gone{ErrorCode::connect_refused, ErrorCode::connect_failed};
  const auto told = [&](ErrorCode code) { return error.code == to_string(code); };
  return error.status == 503 && std::ranges::none_of(gone, told);
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 402: return "billing_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 529: return "overloaded_error";
    case 504: return "timeout_error";
    default: return status < 500 ? "invalid_request_error" : "api_error";
  }
}

void append_member(std::string& out, std::string_view key, std::string_view value) {
  out += key;
  if (value.empty()) {
    out += "null";
  } else {
    json_append_quoted(out, value);
  }
}

}  // namespace

std::string_view error_type(Dialect dialect, const ToldError& error) {
  if (dialect == Dialect::anthropic) return anthropic_type(error_status(dialect, error));
  return is_ollama(dialect) ? std::string_view() : error.type;
}

int error_status(Dialect dialect, const ToldError& error) {
  return dialect == Dialect::anthropic && is_overload(error) ? 529 : error.status;
}

bool is_error_body(Dialect dialect, std::string_view body) {
  if (!body.starts_with('{')) return false;
  const auto error = json_find(body, "error");
  if (!error) return false;
  if (is_ollama(dialect)) return error->kind == JsonKind::string;
  if (error->kind != JsonKind::object) return false;
  if (dialect != Dialect::anthropic) return true;
  const auto type = json_find(body, "type");
  return type && type->string_is("error");
}

std::string write_error_body(Dialect dialect, const ToldError& error) {
  std::string body;
  if (is_ollama(dialect)) {
    append_member(body, R"({"error":)", error.message);
    body += '}';
  } else if (dialect == Dialect::anthropic) {
    append_member(body, R"({"type":"error","error":{"type":)", error_type(dialect, error));
    append_member(body, R"(,"message":)", error.message);
    append_member(body, R"(},"request_id":)", error.request_id);
    body += '}';
  } else {
    append_member(body, R"({"error":{"message":)", error.message);
    append_member(body, R"(,"type":)", error.type);
    append_member(body, R"(,"param":)", error.param);
    append_member(body, R"(,"code":)", error.code);
    append_member(body, R"(,"request_id":)", error.request_id);
    body += "}}";
  }
  return body;
}

std::string write_error_event(Dialect dialect, const ToldError& error, std::uint64_t sequence) {
  const std::string body = write_error_body(dialect, error);
  switch (dialect) {
    case Dialect::chat: return "data: " + body + "\n\n";
    case Dialect::anthropic: return "event: error\ndata: " + body + "\n\n";
    case Dialect::responses: break;
    default: return body + "\n";
  }
  // The event of Responses has the error's members beside its type.
  std::string event = "event: error\ndata: {\"type\":\"error\",\"sequence_number\":";
  event += std::to_string(sequence);
  append_member(event, R"(,"code":)", error.code);
  append_member(event, R"(,"message":)", error.message);
  append_member(event, R"(,"param":)", error.param);
  event += "}\n\n";
  return event;
}

}  // namespace rocket
