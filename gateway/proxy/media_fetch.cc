#include "proxy/media_fetch.h"

#include <algorithm>

#include "proxy/fetch.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

// A name may mean many; who has not answered at these will not at the next.
constexpr size_t addresses_max = 4;
constexpr std::string_view leads_elsewhere = "redirects to an address that ";

std::unexpected<Error> failed(std::string detail) {
  return fail(ErrorCode::media_url_failed, std::move(detail));
}

std::unexpected<Error> too_slow() {
  return failed("did not send it within timeouts.media");
}

// Nothing of it is the client's but where to.
std::string request_text(const MediaLocation& at) {
  std::string text;
  append_request_line(text, "GET", at.target);
  append_header(text, "host", at.authority);
  text +=
      "accept: image/png, image/jpeg, image/gif, image/webp, application/pdf\r\n"
      "accept-encoding: identity\r\nuser-agent: rocket\r\nconnection: close\r\n";
  text += head_end;
  return text;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// What it is said to be is one of those that models take; which, its bytes tell.
bool says_file(const ResponseHead& head) {
  constexpr std::string_view types[] = {"image/png", "image/jpeg", "image/jpg",
                                        "image/gif", "image/webp", "application/pdf"};
  const auto said = head.headers.find("content-type");
  if (!said) return false;
  std::string_view type = said->substr(0, said->find(';'));
  while (type.ends_with(' ') || type.ends_with('\t'))
    type.remove_suffix(1);
  return std::ranges::any_of(types,
                             [&](std::string_view one) { return equals_ignoring_case(type, one); });
}

}  // namespace

Task<Result<void>> MediaFetch::run() {
  auto followed = co_await follow();
  // What it begins with is not ours to show; neither is where it has led.
  if (!followed && followed.error().code != ErrorCode::overloaded) {
    const auto asked = parse_media_url(url_);
    Error& error = followed.error();
    error.detail = (asked ? asked->host : "its address") + ' ' + error.detail;
  }
  co_return followed;
}

Task<Result<void>> MediaFetch::follow() {
  Result<MediaLocation> at = parse_media_url(url_);
  for (unsigned redirects = 0; at; ++redirects) {
    auto led = co_await ask(*at);
    if (!led) {
      // Not the one that was asked for is at fault.
      if (redirects != 0 && led.error().code != ErrorCode::overloaded) {
        led.error().detail.insert(0, leads_elsewhere);
      }
      co_return std::unexpected(std::move(led.error()));
    }
    if (led->empty()) co_return finish();
    if (redirects == media_redirects_max) co_return failed("redirects too often");
    at = follow_redirect(*at, *led);
    if (!at) at.error().detail.insert(0, leads_elsewhere);
  }
  co_return std::unexpected(std::move(at.error()));
}

// All addresses or none: a name that means one of ours as well is not to be trusted. That it means
// none and that it means a private one look the same from outside, so that nobody learns our names.
Task<Result<ConnectionPool::Lease>> MediaFetch::connect(const MediaLocation& to) {
  auto found = co_await plan_.io.dialer.resolve(to.host, plan_.deadline);
  if (!found && found.error().code == ErrorCode::overloaded) {
    co_return std::unexpected(std::move(found.error()));
  }
  const auto lets = [&](const IpAddress& one) { return plan_.guard.lets(to.host, one); };
  if (!found || !std::ranges::all_of(*found, lets)) {
    co_return fail(ErrorCode::media_url_refused,
                   "leads to no public address, nor to one of media.allow");
  }
  if (found->size() > addresses_max) found->resize(addresses_max);
  Error last{ErrorCode::connect_failed, {}};
  for (const IpAddress& one : *found) {
    const Address address{one.to_text(), to.port, to.tls, "", to.host};
    const auto pool = std::make_shared<ConnectionPool>(plan_.io, address, ConnectionPool::Limits{});
    const TimePoint by =
        std::min(plan_.deadline, deadline_after(plan_.io.timers.now(), plan_.connect));
    auto dialed = co_await pool->dial(by);
    if (dialed) co_return dialed;
    last = std::move(dialed.error());
    if (last.code == ErrorCode::overloaded) co_return std::unexpected(std::move(last));
    if (plan_.io.timers.now() >= plan_.deadline) co_return too_slow();
  }
  // What is wrong with a certificate can be mended; of all else there is nothing to say.
  if (last.detail.starts_with("TLS: ")) co_return failed("can not be trusted: " + last.detail);
  co_return failed("can not be reached");
}

Task<Result<std::string>> MediaFetch::ask(const MediaLocation& at) {
  auto lease = co_await connect(at);
  if (!lease) co_return std::unexpected(std::move(lease.error()));
  AnswerReader reader(std::move(*lease), HttpLimits{});
  const std::string text = request_text(at);
  const auto sent = co_await send_text(reader.stream(), text, plan_.deadline);
  if (!sent && plan_.io.timers.now() >= plan_.deadline) co_return too_slow();
  while (!reader.head_complete()) {
    auto step = co_await next_step(reader);
    if (!step) co_return std::unexpected(std::move(step.error()));
  }
  auto led = judge_head(reader.head());
  if (!led || !led->empty()) co_return led;
  auto read = co_await read_body(reader);
  if (!read) co_return std::unexpected(std::move(read.error()));
  co_return std::string();
}

Result<std::string> MediaFetch::judge_head(const ResponseHead& head) {
  if (is_redirect(head.status)) {
    const auto location = head.headers.find("location");
    if (!location || location->empty()) return failed("redirects to nowhere");
    return std::string(*location);
  }
  if (head.status != 200) return failed("answered " + std::to_string(head.status));
  const auto encoding = head.headers.find("content-encoding");
  if (encoding && !equals_ignoring_case(*encoding, "identity")) {
    return failed("answered encoded, unasked");
  }
  if (!says_file(head)) return failed("answered with something that is no image and no PDF");
  const std::uint64_t announced = head.content_length.value_or(0);
  if (announced > plan_.bytes_left) return too_large();
  base64_.expect(base64_size(announced));
  return std::string();
}

// One read; gives other work its turn if there always is something.
Task<Result<void>> MediaFetch::next_step(AnswerReader& reader) {
  while (true) {
    co_await reader.stream().readable(plan_.deadline);
    if (plan_.io.timers.now() >= plan_.deadline) co_return too_slow();
    const auto step = reader.step(plan_.io.scratch);
    if (!step) co_return failed("answered with something that is no proper HTTP, or not all of it");
    if (*step != AnswerReader::Step::blocked) co_return Result<void>{};
  }
}

// What has been read with the head counts first, hence the test in the middle.
Task<Result<void>> MediaFetch::read_body(AnswerReader& reader) {
  while (true) {
    for (const std::string_view piece : reader.body()) {
      auto taken = take(piece);
      if (!taken) co_return taken;
    }
    if (reader.complete()) co_return Result<void>{};
    auto step = co_await next_step(reader);
    if (!step) co_return step;
  }
}

Result<void> MediaFetch::take(std::string_view bytes) {
  if (bytes.size() > plan_.bytes_left) return too_large();
  plan_.bytes_left -= bytes.size();
  if (signature_size_ < signature_.size()) {
    const std::string_view more = bytes.substr(0, signature_.size() - signature_size_);
    std::ranges::copy(more, signature_.begin() + static_cast<std::ptrdiff_t>(signature_size_));
    signature_size_ += more.size();
    if (signature_size_ == signature_.size()) {
      const auto judged = judge_type();
      if (!judged) return judged;
    }
  }
  const bool held = encoder_.encode(
      bytes, [&](std::string_view piece) { return base64_.append(plan_.bodies, piece); });
  if (!held) return fail(ErrorCode::overloaded);
  return {};
}

Result<void> MediaFetch::judge_type() {
  type_ = media_type_of({signature_.data(), signature_size_});
  if (is_of_kind(type_, kind_)) return {};
  return failed(kind_ == MediaUrl::Kind::document
                    ? "has something there that is no PDF"
                    : "has something there that is no PNG, JPEG, GIF or WebP");
}

Result<void> MediaFetch::finish() {
  if (signature_size_ < signature_.size()) {
    const auto judged = judge_type();
    if (!judged) return judged;
  }
  if (!base64_.append(plan_.bodies, encoder_.finish())) return fail(ErrorCode::overloaded);
  return {};
}

std::unexpected<Error> MediaFetch::too_large() const {
  return failed("has something there that is larger than limits.media_bytes lets");
}

}  // namespace rocket
