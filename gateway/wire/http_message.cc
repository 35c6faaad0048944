#include "wire/http_message.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "wire/http_writer.h"

namespace rocket {

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get: return "GET";
    case Method::head: return "HEAD";
    case Method::post: return "POST";
    case Method::put: return "PUT";
    case Method::del: return "DELETE";
    case Method::patch: return "PATCH";
    case Method::options: return "OPTIONS";
    case Method::other: break;
  }
  return "OTHER";
}

void HeaderList::add(std::string_view name, std::string_view value) {
  ROCKET_ASSERT(!name.contains(':') && header_value_ok(name) && header_value_ok(value));
  append_name(name);
  end_name();
  append_value(value);
  end_value();
}

void HeaderList::end_name() {
  // A usual head fits into the first allocation.
  if (lines_.empty()) {
    text_.reserve(512);
    lines_.reserve(16);
  }
  lines_.push_back({static_cast<std::uint32_t>(line_begin_),
                    static_cast<std::uint32_t>(text_.size() - line_begin_), 0});
  text_ += separator;
}

void HeaderList::end_value() {
  Line& line = lines_.back();
  const std::size_t value_begin = line.value_begin();
  std::size_t value_end = text_.size();
  while (value_end > value_begin && (text_[value_end - 1] == ' ' || text_[value_end - 1] == '\t')) {
    --value_end;
  }
  line.value_size = static_cast<std::uint32_t>(value_end - value_begin);
  text_.resize(value_end);
  text_ += line_end;
  line_begin_ = text_.size();
  ROCKET_ASSERT(line_begin_ <= std::numeric_limits<std::uint32_t>::max());
}

std::optional<std::string_view> HeaderList::find(std::string_view name) const {
  for (size_t i = 0; i < lines_.size(); ++i) {
    // Most differ in length, and need no view made of them.
    if (lines_[i].name_size != name.size()) continue;
    const Header header = (*this)[i];
    if (equals_ignoring_case(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::size_t HeaderList::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(begin(), end(), [name](const Header& header) {
    return equals_ignoring_case(header.name, name);
  }));
}

std::string_view HeaderList::lines(std::size_t first, std::size_t last) const {
  const std::size_t begin = begin_of(first);
  return std::string_view(text_).substr(begin, begin_of(last) - begin);
}

std::size_t HeaderList::begin_of(std::size_t index) const {
  ROCKET_ASSERT(index <= lines_.size());
  return index < lines_.size() ? lines_[index].begin : line_begin_;
}

void HeaderList::clear() {
  text_.clear();
  lines_.clear();
  line_begin_ = 0;
}

}  // namespace rocket
