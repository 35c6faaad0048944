#include "proxy/fetch.h"

#include "proxy/answer_reader.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

constexpr size_t body_bytes_max = 4 * 1024 * 1024;

std::string request_text(const Endpoint& endpoint, const FetchRequest& request) {
  const bool post = !request.body.empty();
  std::string text;
  append_request_line(text, post ? "POST" : "GET", endpoint.url.base_path + request.path);
  text += endpoint.head_lines;
  text += "accept: */*\r\nuser-agent: rocket\r\n";
  if (post) {
    text += "content-type: application/json\r\n";
    append_header(text, "content-length", std::to_string(request.body.size()));
  }
  text += head_end;
  text += request.body;
  return text;
}

Task<Result<Fetched>> fetch_on(Io& io, AnswerReader& reader, std::string_view text,
                               TimePoint deadline) {
  auto sent = co_await send_text(reader.stream(), text, deadline);
  if (!sent) co_return std::unexpected(std::move(sent.error()));
  Fetched fetched;
  while (!reader.complete()) {
    co_await reader.stream().readable(deadline);
    if (io.timers.now() >= deadline) co_return fail(ErrorCode::first_token_timeout);
    const auto step = reader.step(io.scratch);
    if (!step) co_return std::unexpected(step.error());
    if (*step == AnswerReader::Step::blocked) continue;
    for (const std::string_view bytes : reader.body())
      fetched.body += bytes;
    if (fetched.body.size() > body_bytes_max) co_return fail(ErrorCode::upstream_too_large);
  }
  fetched.status = reader.head().status;
  fetched.retry_after = reader.head().headers.find("retry-after").value_or("");
  co_return fetched;
}

}  // namespace

Task<Result<void>> send_text(ByteStream& stream, std::string_view text, TimePoint deadline) {
  while (!text.empty()) {
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    const IoResult written = stream.try_write({&piece, 1});
    if (written.status == IoResult::Status::would_block) {
      const Wake wake = co_await stream.writable(deadline);
      if (wake == Wake::timed_out) co_return fail(ErrorCode::first_token_timeout);
      continue;
    }
    if (written.status != IoResult::Status::done) co_return fail(ErrorCode::upstream_closed);
    text.remove_prefix(written.bytes);
  }
  co_return Result<void>{};
}

Task<Result<Fetched>> fetch(Io& io, const Endpoint& endpoint, ConnectionPool& pool,
                            FetchRequest request, TimePoint deadline) {
  auto fetched = co_await fetch_text(io, pool, request_text(endpoint, request), deadline);
  co_return fetched;
}

Task<Result<Fetched>> fetch_text(Io& io, ConnectionPool& pool, std::string text,
                                 TimePoint deadline) {
  auto lease = pool.take_idle();
  while (true) {
    if (!lease) {
      auto dialed = co_await pool.dial(deadline);
      if (!dialed) co_return std::unexpected(dialed.error());
      lease = std::move(*dialed);
    }
    AnswerReader reader(std::move(*lease), HttpLimits{});
    lease.reset();
    auto fetched = co_await fetch_on(io, reader, text, deadline);
    const bool stale = !fetched && fetched.error().code == ErrorCode::upstream_closed &&
                       reader.reused() && !reader.answered();
    if (stale) continue;
    if (fetched) reader.give_back();
    co_return fetched;
  }
}

}  // namespace rocket
