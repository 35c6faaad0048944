#include "schema/openai_stream.h"

#include "wire/json.h"
#include "wire/json_halves.h"

namespace rocket {

std::string without_usage(std::string_view data) {
  std::string kept(1, '{');
  for (const JsonMember& member : json_members(data)) {
    if (member.key_is("usage")) continue;
    if (kept.size() != 1) kept += ',';
    kept += data.substr(member.begin, member.value_end - member.begin);
  }
  kept += '}';
  return kept;
}

Result<Shown> OpenAiStream::read(const SseEvent& event) {
  // The answer is whole: what else came with [DONE] can neither spoil it nor lengthen it.
  if (done_) return Shown::nothing;
  auto read = read_openai_event(operation_, event.data);
  if (read) return note(*std::move(read), event.data);
  // Half of a character is no JSON. The client gets it as it is: the other half may follow.
  const auto whole = without_lone_halves(event.data);
  if (whole) read = read_openai_event(operation_, *whole);
  if (!read) return std::unexpected(std::move(read.error()));
  return note(*std::move(read), *whole);
}

Result<Shown> OpenAiStream::note(OpenAiEvent&& read, std::string_view data) {
  // Some servers put a usage of zeros on every event and the true one on the last.
  if (read.usage && (read.usage->out != 0 || !usage_)) usage_ = read.usage;
  switch (read.kind) {
    case OpenAiEvent::Kind::lifecycle: return Shown::all;
    case OpenAiEvent::Kind::content:
      ++content_events_;
      if (read.ends_only) ++ends_;
      if (!read.text.empty() && !read.usage) pattern_.remember(data, read.text);
      return read.usage && hides_usage() ? Shown::all_but_usage : Shown::all;
    case OpenAiEvent::Kind::usage: return usage_asked_ ? Shown::all : Shown::nothing;
    case OpenAiEvent::Kind::done: done_ = true; return Shown::all;
    case OpenAiEvent::Kind::error:
      return fail(ErrorCode::upstream_error_event, std::move(read.error));
  }
  return Shown::all;
}

Usage OpenAiStream::usage() const {
  Usage usage = usage_.value_or(Usage{});
  if (usage.out == 0) usage.out = content_events_ - ends_;
  return usage;
}

}  // namespace rocket
