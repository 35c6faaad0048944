#include "proxy/operations.h"

#include <algorithm>
#include <utility>

#include "proxy/credentials.h"
#include "proxy/error_response.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

// A refused request's body is read up to here, so that the connection can go on.
constexpr size_t refused_body_bytes_max = 64 * 1024;

bool is_prefix(const Operations::Row& row) {
  return row.path.size() > 1 && row.path.ends_with('/');
}

bool matches(const Operations::Row& row, std::string_view path) {
  if (!is_prefix(row)) return row.path == path;
  return path.size() > row.path.size() && path.starts_with(row.path);
}

// A web page asks whether it may ask, and can not show a key (Fetch standard, 4.8).
bool is_preflight(const RequestHead& head) {
  return head.method == Method::options && head.headers.find("origin") &&
         head.headers.find("access-control-request-method");
}

// What whoever asks for that speaks, also where there is nothing to be had.
Dialect spoken(const RequestHead& head, const Target& target, const Operations::Row* row) {
  const bool shared = row == nullptr || row->operation == Operation::models ||
                      row->operation == Operation::model || row->operation == Operation::root;
  if (!shared) return dialect_of(row->operation);
  if (target.path.starts_with("/api/")) return Dialect::ollama;
  const bool anthropic =
      target.path.starts_with("/v1/messages") || head.headers.find("anthropic-version");
  return anthropic ? Dialect::anthropic : Dialect::chat;
}

}  // namespace

Operations::Match Operations::match(Method method, std::string_view path) const {
  Match match;
  for (const Row& row : rows_) {
    if (!matches(row, path)) continue;
    match.known = true;
    if (row.method != method && (row.method != Method::get || method != Method::head)) continue;
    match.row = &row;
    break;
  }
  return match;
}

std::string Operations::allowed(std::string_view path) const {
  std::string methods;
  for (const Row& row : rows_) {
    if (!matches(row, path)) continue;
    methods += to_string(row.method);
    methods += row.method == Method::get ? ", HEAD, " : ", ";
  }
  if (!methods.empty()) methods += "OPTIONS";
  return methods;
}

std::string Operations::error_lines(const Error& error, std::string_view path) const {
  std::string lines;
  if (error.code == ErrorCode::method_not_allowed) {
    append_header(lines, "allow", allowed(path));
  }
  if (error.code == ErrorCode::invalid_api_key) append_header(lines, "www-authenticate", "Bearer");
  return lines;
}

std::string Operations::paths() const {
  std::string paths;
  std::string_view before;  // what takes several methods has a row for each
  for (const Row& row : rows_) {
    if (row.operation == Operation::ollama_management) continue;
    if (std::exchange(before, row.path) == row.path) continue;
    if (!paths.empty()) paths += ", ";
    paths += row.path;
    if (is_prefix(row)) paths += "ID";
  }
  return paths;
}

Result<void> Operations::check(const RequestHead& head, Asked& asked) const {
  const auto named = check_host(head);
  if (!named) return named;
  const auto read = read_target(head, asked);
  if (!read) return read;
  const std::string& path = asked.target.path;
  asked.match = match(head.method, path);
  const bool preflight = is_preflight(head) && asked.match.known;
  const bool open = asked.match.row != nullptr && asked.match.row->access == Access::anyone;
  const auto known = open || preflight ? Result<void>{} : authenticate(head, asked);
  if (!known) return known;
  if (head.method == Method::options && (path == "*" || asked.match.known)) return {};
  if (!asked.match.known) {
    return fail(ErrorCode::path_not_found,
                "unknown path " + path.substr(0, 128) + "; this port serves " + paths());
  }
  if (asked.match.row == nullptr) {
    return fail(ErrorCode::method_not_allowed, path.substr(0, 128) + " takes " + allowed(path));
  }
  return {};
}

Result<void> Operations::authenticate(const RequestHead& head, Asked& asked) const {
  const std::shared_ptr<const KeyRing>& keys = loop_.current->snapshot->keys;
  if (port_ != Port::data || !keys) return {};
  const auto shown = presented_key(head.headers);
  if (!shown) return std::unexpected(shown.error());
  if (shown->empty()) {
    return fail(ErrorCode::invalid_api_key,
                "no API key; send one as Authorization: Bearer KEY or x-api-key: KEY");
  }
  asked.key = keys->find(*shown);
  if (asked.key != nullptr) return {};
  return fail(ErrorCode::invalid_api_key, "unknown API key; ask whoever runs this gateway for one");
}

Result<void> Operations::check_host(const RequestHead& head) const {
  if (port_ != Port::admin) return {};
  std::string_view host = head.headers.find("host").value_or("localhost");
  if (!host.ends_with(']')) host = host.substr(0, host.rfind(':'));
  const bool loopback_literal =
      host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
  const bool loopback_name = equals_ignoring_case(host, "localhost") || host == "[::1]";
  if (loopback_name || loopback_literal) return {};
  return fail(ErrorCode::forbidden,
              "the admin port is called by a loopback name only, such as localhost");
}

// SDKs escape the slash in a model's name. The literal prefix alone decides the row then; what
// stands behind it is a key to look up, not a path.
Result<void> Operations::read_target(const RequestHead& head, Asked& asked) const {
  const auto origin = origin_form(head.target);
  if (!origin) return std::unexpected(origin.error());
  const std::string_view raw = *origin;
  for (const Row& row : rows_) {
    if (row.path == raw) {
      // Canonical already, as rows are.
      asked.target = {row.path, {}};
      return {};
    }
    if (!is_prefix(row) || !raw.starts_with(row.path)) continue;
    const size_t end = std::min(raw.find_first_of("?#"), raw.size());
    const std::string_view segment = raw.substr(row.path.size(), end - row.path.size());
    auto parameter = percent_decoded(segment);
    if (!parameter || segment.empty()) break;
    asked.parameter = std::move(*parameter);
    const std::string_view behind = raw.substr(end, raw.find('#') - end);
    asked.target = {row.path + asked.parameter, std::string(behind.substr(behind.empty() ? 0 : 1))};
    return {};
  }
  auto parsed = parse_target(head.target, head.method);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  asked.target = std::move(*parsed);
  // With an escape in its literal part, which has been decoded by now.
  const std::string_view path = asked.target.path;
  for (const Row& row : rows_) {
    if (is_prefix(row) && matches(row, path)) asked.parameter = path.substr(row.path.size());
  }
  return {};
}

Result<BodyTerms> Operations::admit(const RequestHead& head) {
  const size_t most = loop_.current->snapshot->config.limits.body_bytes.bytes;
  // Small bodies are read whatever they belong to; handle() finds any fault.
  const bool small = !head.chunked && !head.expect_continue &&
                     head.content_length.value_or(0) <= refused_body_bytes_max;
  if (small) return BodyTerms{.bytes_max = std::min(most, refused_body_bytes_max)};
  Asked asked;
  const auto checked = check(head, asked);
  if (!checked) return std::unexpected(checked.error());
  const bool streamed = asked.match.row != nullptr && asked.match.row->streams_body;
  return BodyTerms{.bytes_max = most, .streamed = streamed};
}

Task<void> Operations::handle(Request& request, ResponseWriter& response) {
  Call call(loop_, request, response);
  call.cors = port_ == Port::data;
  Asked asked;
  const auto checked = check(request.head, asked);
  call.dialect = spoken(request.head, asked.target, asked.match.row);
  call.target = std::move(asked.target);
  call.parameter = std::move(asked.parameter);
  if (asked.key != nullptr) call.identify(*asked.key);
  if (asked.match.row != nullptr) {
    call.operation = asked.match.row->operation;
    call.quiet = asked.match.row->quiet;
  }
  if (!checked) {
    call.send_error(checked.error(), error_lines(checked.error(), call.target.path));
  } else if (request.head.method == Method::options) {
    answer_options(call, allowed(call.target.path));
  } else {
    co_await asked.match.row->handler(call);
  }
  if (response.blocked()) {
    co_await response.drained(call.taken_by());
  }
}

Task<void> Operations::refuse(const Error& error, const RequestHead& head,
                              ResponseWriter& response) {
  Request request;
  request.head = head;
  request.head_at = loop_.io.timers.now();
  Call call(loop_, request, response);
  call.cors = port_ == Port::data;
  Asked asked;
  static_cast<void>(check(head, asked));
  call.dialect = spoken(head, asked.target, asked.match.row);
  if (asked.match.row != nullptr) call.operation = asked.match.row->operation;
  if (asked.key != nullptr) call.identify(*asked.key);
  call.send_error(error, error_lines(error, asked.target.path));
  if (response.blocked()) {
    co_await response.drained(call.taken_by());
  }
}

void Operations::answer_options(Call& call, const std::string& allowed) const {
  std::string lines = call.common_lines();
  append_header(lines, "allow", allowed.empty() ? "GET, HEAD, POST, OPTIONS" : allowed);
  if (lines.find("access-control-allow-origin") != std::string::npos) {
    append_header(lines, "access-control-allow-methods", allowed);
    const auto asked = call.request().head.headers.find("access-control-request-headers");
    if (asked) append_header(lines, "access-control-allow-headers", *asked);
    append_header(lines, "access-control-max-age", "600");
  }
  call.quiet = true;
  call.response().send(204, lines, {});
  call.close_account(Outcome::ok, Blame::none);
}

}  // namespace rocket
