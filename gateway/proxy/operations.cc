#include "proxy/operations.h"

#include <algorithm>

#include "proxy/error_response.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

// A refused request's body is read up to here, so that the connection can go on.
constexpr size_t refused_body_bytes_max = 64 * 1024;

bool matches(const Operations::Row& row, std::string_view path) {
  if (!row.path.ends_with('/')) return row.path == path;
  return path.size() > row.path.size() && path.starts_with(row.path);
}

}  // namespace

Operations::Match Operations::match(Method method, std::string_view path) const {
  Match match;
  const auto allow = [&](std::string_view name) {
    if (!match.allowed.empty()) match.allowed += ", ";
    match.allowed += name;
  };
  for (const Row& row : rows_) {
    if (!matches(row, path)) continue;
    const bool same = row.method == method || (row.method == Method::get && method == Method::head);
    if (same && match.row == nullptr) match.row = &row;
    allow(to_string(row.method));
    if (row.method == Method::get) allow("HEAD");
  }
  if (!match.allowed.empty()) allow("OPTIONS");
  return match;
}

std::string Operations::paths() const {
  std::string paths;
  for (const Row& row : rows_) {
    if (row.path.ends_with('/')) continue;
    if (!paths.empty()) paths += ", ";
    paths += row.path;
  }
  return paths;
}

Result<void> Operations::check(const RequestHead& head, Target& target, Match& match_out) const {
  auto parsed = parse_target(head.target, head.method);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  target = std::move(*parsed);
  match_out = match(head.method, target.path);
  if (head.method == Method::options && (target.path == "*" || !match_out.allowed.empty())) {
    return {};
  }
  if (match_out.allowed.empty()) {
    return fail(ErrorCode::path_not_found,
                "unknown path " + target.path.substr(0, 128) + "; this port serves " + paths());
  }
  if (match_out.row == nullptr) {
    return fail(ErrorCode::method_not_allowed, target.path + " takes " + match_out.allowed);
  }
  return {};
}

Result<size_t> Operations::admit(const RequestHead& head) {
  const size_t most = loop_.current->snapshot->config.limits.body_bytes.bytes;
  Target target;
  Match matched;
  const auto checked = check(head, target, matched);
  if (checked) return most;
  // Small bodies are read all the same, and handle() finds the same fault again.
  const bool small = !head.chunked && !head.expect_continue &&
                     head.content_length.value_or(0) <= refused_body_bytes_max;
  if (small) return std::min(most, refused_body_bytes_max);
  return std::unexpected(checked.error());
}

Task<void> Operations::handle(Request& request, ResponseWriter& response) {
  Call call(loop_, request, response);
  Match matched;
  const auto checked = check(request.head, call.target, matched);
  if (matched.row != nullptr) {
    call.operation = matched.row->operation;
    call.quiet = matched.row->quiet;
  }
  if (!checked) {
    std::string lines;
    if (checked.error().code == ErrorCode::method_not_allowed) {
      append_header(lines, "allow", matched.allowed);
    }
    call.send_error(checked.error(), lines);
  } else if (request.head.method == Method::options) {
    answer_options(call, matched.allowed);
  } else {
    const Row& row = *matched.row;
    if (row.path.ends_with('/')) {
      call.parameter = std::string_view(call.target.path).substr(row.path.size());
    }
    co_await row.handler(call);
  }
  if (response.blocked()) {
    co_await response.drained();
  }
}

Task<void> Operations::refuse(const Error& error, const RequestHead& head,
                              ResponseWriter& response) {
  Request request;
  request.head = head;
  request.head_at = loop_.io.timers.now();
  Call call(loop_, request, response);
  std::string lines;
  Target target;
  Match matched;
  if (error.code == ErrorCode::method_not_allowed && !check(head, target, matched)) {
    append_header(lines, "allow", matched.allowed);
  }
  if (meaning_of(error.code).status == 503) append_header(lines, "retry-after", "1");
  call.send_error(error, lines);
  if (response.blocked()) {
    co_await response.drained();
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
