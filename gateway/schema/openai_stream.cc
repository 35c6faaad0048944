#include "schema/openai_stream.h"

#include "wire/json_halves.h"

namespace rocket {

Result<bool> OpenAiStream::read(const SseEvent& event) {
  // The answer is whole: what else came with [DONE] can neither spoil it nor lengthen it.
  if (done_) return false;
  auto read = read_openai_event(operation_, event.data);
  if (read) return note(*std::move(read), event.data);
  // Half of a character is no JSON. The client gets it as it is: the other half may follow.
  const auto whole = without_lone_halves(event.data);
  if (whole) read = read_openai_event(operation_, *whole);
  if (!read) return std::unexpected(std::move(read.error()));
  return note(*std::move(read), *whole);
}

Result<bool> OpenAiStream::note(OpenAiEvent read, std::string_view data) {
  // Some servers put a usage of zeros on every event and the true one on the last.
  if (read.usage && (read.usage->out != 0 || !usage_)) usage_ = read.usage;
  switch (read.kind) {
    case OpenAiEvent::Kind::lifecycle: return true;
    case OpenAiEvent::Kind::content:
      ++content_events_;
      if (read.ends_only) ++ends_;
      if (!read.text.empty() && !read.usage) pattern_.remember(data, read.text);
      return true;
    case OpenAiEvent::Kind::usage: return usage_asked_;
    case OpenAiEvent::Kind::done: done_ = true; return true;
    case OpenAiEvent::Kind::error:
      return fail(ErrorCode::upstream_error_event, std::move(read.error));
  }
  return true;
}

Usage OpenAiStream::usage() const {
  Usage usage = usage_.value_or(Usage{});
  if (usage.out == 0) usage.out = content_events_ - ends_;
  return usage;
}

}  // namespace rocket
