#include "wire/sse.h"

namespace rocket {

// Behind the empty line that ends the event which `bytes` begins or goes on with; npos if there
// is none yet. A leading empty line is an event of its own, without data.
size_t SseSplitter::event_end(std::string_view bytes) {
  if (ends_ == Ends::unknown) {
    find_ends(bytes);
    // An empty line that has ended with the byte before these.
    if (ends_ == Ends::either && held_ == "\r") {
      line_ = Line::begin;
      return 0;
    }
  }
  return ends_ == Ends::either ? end_by_either(bytes) : end_by_feed(bytes);
}

// What is held has no end of a line, unless it is a CR at its own: that alone ends the first line
// if no LF comes next.
void SseSplitter::find_ends(std::string_view bytes) {
  if (held_.empty()) line_ = Line::empty;
  if (held_.ends_with('\r')) {
    ends_ = bytes.front() == '\n' ? Ends::feed : Ends::either;
  } else {
    const size_t feed = bytes.find('\n');
    const size_t ret = bytes.substr(0, feed).find('\r');
    if (ret == npos && feed != npos) ends_ = Ends::feed;
    if (ret == npos || ret + 1 == bytes.size()) return;
    ends_ = bytes[ret + 1] == '\n' ? Ends::feed : Ends::either;
  }
  if (ends_ != Ends::either) return;
  line_ = held_.empty() ? Line::begin : held_.ends_with('\r') ? Line::carriage_return : Line::text;
}

size_t SseSplitter::end_by_feed(std::string_view bytes) {
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

size_t SseSplitter::end_by_either(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const char byte = bytes[i];
    if (byte != '\r' && byte != '\n') {
      line_ = Line::text;
    } else if (byte == '\n' && line_ == Line::carriage_return) {
      line_ = Line::begin;  // the other half of a CRLF
    } else if (line_ != Line::text) {
      line_ = Line::begin;
      return i + 1;
    } else {
      line_ = byte == '\r' ? Line::carriage_return : Line::begin;
    }
  }
  return npos;
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
    // Between the halves of a CRLF there is a line without anything in it, then.
    const size_t end = ends_ == Ends::either ? raw.find_first_of("\r\n") : raw.find('\n');
    std::string_view line = raw.substr(0, end);
    raw.remove_prefix(end == npos ? raw.size() : end + 1);
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
