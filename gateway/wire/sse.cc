#include "wire/sse.h"

namespace rocket {

// Behind the empty line that ends the event which `bytes` begins or goes on with; npos if there
// is none yet. A leading empty line is an event of its own, without data.
size_t SseSplitter::event_end(std::string_view bytes) {
  size_t position = 0;
  while (true) {
    const size_t feed = bytes.find('\n', position);
    if (feed == npos) {
      const std::string_view rest = bytes.substr(position);
      if (!rest.empty()) {
        line_ = line_ == Line::empty && rest == "\r" ? Line::carriage_return : Line::text;
      }
      return npos;
    }
    const std::string_view line = bytes.substr(position, feed - position);
    const bool empty = line.empty() ? line_ != Line::text : line == "\r" && line_ == Line::empty;
    position = feed + 1;
    line_ = Line::empty;
    if (empty) return position;
  }
}

std::string_view SseSplitter::data_of(std::string_view raw) {
  constexpr std::string_view field = "data";
  // A stream may begin with a byte order mark (WHATWG HTML, 9.2.5); nowhere else does one say a
  // thing.
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  if (raw.starts_with(mark)) raw.remove_prefix(mark.size());
  std::string_view data;
  bool joined = false;
  bool found = false;
  while (!raw.empty()) {
    const size_t feed = raw.find('\n');
    std::string_view line = raw.substr(0, feed);
    raw.remove_prefix(feed == npos ? raw.size() : feed + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with(field)) continue;
    line.remove_prefix(field.size());
    // Without a colon the line is the field's name, and its value is empty.
    if (!line.empty() && line.front() != ':') continue;
    if (!line.empty()) line.remove_prefix(1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!found) {
      data = line;
      found = true;
      continue;
    }
    if (!joined) joined_.assign(data);
    joined = true;
    joined_ += '\n';
    joined_ += line;
    data = joined_;
  }
  return data;
}

}  // namespace rocket
