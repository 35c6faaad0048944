#include "wire/multipart.h"

#include <algorithm>
#include <utility>

#include "wire/http_message.h"

namespace rocket {
namespace {

constexpr std::size_t boundary_bytes_max = 70;  // RFC 2046, 5.1.1
constexpr std::string_view white = " \t";

Error malformed(std::string_view what) {
  return {ErrorCode::bad_request, "malformed multipart body: " + std::string(what)};
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(white);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white) - first + 1);
}

bool is_boundary(std::string_view text) {
  constexpr std::string_view marks = "'()+_,-./:=? ";
  return !text.empty() && text.size() <= boundary_bytes_max && !text.ends_with(' ') &&
         std::ranges::all_of(text, [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  marks.contains(c);
         });
}

// What stands in quotes, up to the closing one; `text` begins behind the opening one. A backslash
// quotes a quote or itself, and is one anywhere else, as in names that old Windows browsers send.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return value;
    if (c == '\\' && (text.starts_with('"') || text.starts_with('\\'))) {
      value += text.front();
      text.remove_prefix(1);
    } else {
      value += c;
    }
  }
  return std::nullopt;
}

// The value of ` name="value"` or ` name=value`, which `text` begins with; what is behind it stays.
struct Parameter {
  std::string_view name;
  std::string value;
};
std::optional<Parameter> take_parameter(std::string_view& text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  Parameter parameter{trimmed(text.substr(0, equals)), {}};
  text = text.substr(equals + 1);
  text.remove_prefix(std::min(text.find_first_not_of(white), text.size()));
  if (text.starts_with('"')) {
    text.remove_prefix(1);
    auto value = take_quoted(text);
    if (!value) return std::nullopt;
    parameter.value = std::move(*value);
  } else {
    const std::string_view value = text.substr(0, text.find(';'));
    parameter.value = trimmed(value);
    text.remove_prefix(value.size());
  }
  text.remove_prefix(std::min(text.find_first_not_of(white), text.size()));
  if (!text.empty() && !text.starts_with(';')) return std::nullopt;
  return parameter;
}

// The parameters behind the first word of a header's value; nullopt: they are not as they should
// be. on_parameter() sees each.
template <class OnParameter>
bool for_each_parameter(std::string_view value, OnParameter&& on_parameter) {
  size_t end = value.find(';');
  while (end != std::string_view::npos) {
    value.remove_prefix(end + 1);
    if (trimmed(value).empty()) return true;
    auto parameter = take_parameter(value);
    if (!parameter) return false;
    on_parameter(*std::move(parameter));
    end = value.starts_with(';') ? 0 : std::string_view::npos;
  }
  return true;
}

// Browsers write a quote in a name as %22, and line breaks as %0D and %0A (WHATWG, "multipart/
// form-data encoding"); everything else of the kind is meant as it stands.
std::string with_quotes(std::string text) {
  for (size_t at = 0; (at = text.find("%22", at)) != std::string::npos; ++at)
    text.replace(at, 3, "\"");
  return text;
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
  });
}

}  // namespace

std::optional<std::string> multipart_boundary(std::string_view content_type) {
  const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
  if (!equals_ignoring_case(type, "multipart/form-data")) return std::nullopt;
  std::optional<std::string> boundary;
  bool once = true;
  const bool read = for_each_parameter(content_type, [&](Parameter parameter) {
    if (!equals_ignoring_case(parameter.name, "boundary")) return;
    once = once && !boundary;
    boundary = std::move(parameter.value);
  });
  if (!read || !once || !boundary || !is_boundary(*boundary)) return std::nullopt;
  return boundary;
}

Result<MultipartReader::Found> MultipartReader::next(std::string_view& bytes) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::preamble:
      case State::part: {
        const auto found = scan(bytes);
        if (!found || *found != Found::more) return found;
        break;
      }
      case State::delimited: {
        const auto passed = pass_delimiter_end(bytes);
        if (!passed) return std::unexpected(passed.error());
        break;
      }
      case State::head: {
        const auto whole = read_head(bytes);
        if (!whole) return std::unexpected(whole.error());
        if (*whole) return Found::part;
        break;
      }
      case State::epilogue: bytes = {}; break;
    }
  }
  return Found::more;
}

// Up to the next delimiter, or what could be the beginning of one. A mismatch can only begin anew
// with the byte that did not match, since no other byte of the delimiter is its first.
Result<MultipartReader::Found> MultipartReader::scan(std::string_view& bytes) {
  const bool wanted = state_ == State::part;
  while (!bytes.empty()) {
    if (matched_ == 0) {
      const std::string_view plain = bytes.substr(0, bytes.find('\r'));
      bytes.remove_prefix(plain.size());
      if (!bytes.empty()) {
        matched_ = 1;
        bytes.remove_prefix(1);
      }
      text_ = plain;
      if (wanted && !plain.empty()) return Found::bytes;
      continue;
    }
    while (matched_ < delimiter_.size() && bytes.starts_with(delimiter_[matched_])) {
      ++matched_;
      bytes.remove_prefix(1);
    }
    if (matched_ == delimiter_.size()) {
      matched_ = 0;
      state_ = State::delimited;
      return wanted ? Found::end : Found::more;
    }
    if (bytes.empty()) break;
    text_ = std::string_view(delimiter_).substr(0, matched_);
    matched_ = 0;
    if (wanted) return Found::bytes;
  }
  return Found::more;
}

// White space and the end of the line behind a delimiter, or the two dashes of the last one. True:
// it has ended.
Result<bool> MultipartReader::pass_delimiter_end(std::string_view& bytes) {
  while (!bytes.empty()) {
    const char c = bytes.front();
    bytes.remove_prefix(1);
    const bool dashes = line_.starts_with('-');
    if (c == '-' && (line_.empty() || dashes)) {
      line_ += c;
      if (line_ != "--") continue;
      line_.clear();
      state_ = State::epilogue;
      return true;
    }
    if (!dashes && c == '\n' && line_.ends_with('\r')) {
      line_.clear();
      state_ = State::head;
      header_bytes_ = 0;
      disposed_ = false;
      head_ = {};
      if (++parts_ > parts_max) return std::unexpected(malformed("too many parts"));
      return true;
    }
    const bool expected = !dashes && !line_.ends_with('\r') && (c == '\r' || white.contains(c));
    if (!expected || line_.size() > boundary_bytes_max) {
      return std::unexpected(malformed("something stands behind a boundary"));
    }
    line_ += c;
  }
  return false;
}

// True: the part's header lines have ended.
Result<bool> MultipartReader::read_head(std::string_view& bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const size_t taken = std::min(end, bytes.size() - 1) + 1;
    header_bytes_ += taken;
    if (header_bytes_ > header_bytes_max) {
      return std::unexpected(malformed("the header lines of a part are too long"));
    }
    line_ += bytes.substr(0, taken);
    bytes.remove_prefix(taken);
    if (end == std::string_view::npos) return false;
    if (!line_.ends_with("\r\n")) return std::unexpected(malformed("a line without CR"));
    const std::string line = std::exchange(line_, {});
    if (line.size() == 2) {
      if (!disposed_) return std::unexpected(malformed("a part without a name"));
      state_ = State::part;
      return true;
    }
    const auto read = take_header(std::string_view(line).substr(0, line.size() - 2));
    if (!read) return std::unexpected(read.error());
  }
  return false;
}

Result<void> MultipartReader::take_header(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || white.contains(line.front())) {
    return std::unexpected(malformed("a header line of a part"));
  }
  if (has_control(line)) return std::unexpected(malformed("a control character in a header line"));
  const std::string_view value = trimmed(line.substr(colon + 1));
  const std::string_view name = line.substr(0, colon);
  if (equals_ignoring_case(name, "content-transfer-encoding") &&
      !equals_ignoring_case(value, "binary") && !equals_ignoring_case(value, "8bit") &&
      !equals_ignoring_case(value, "7bit")) {
    return std::unexpected(malformed("send parts as they are, without a transfer encoding"));
  }
  if (!equals_ignoring_case(name, "content-disposition")) return {};
  if (disposed_ || !equals_ignoring_case(trimmed(value.substr(0, value.find(';'))), "form-data")) {
    return std::unexpected(malformed("a part has one Content-Disposition, form-data"));
  }
  bool named = false;
  bool once = true;
  const bool read = for_each_parameter(value, [&](Parameter parameter) {
    if (equals_ignoring_case(parameter.name, "name")) {
      once = once && !named;
      named = true;
      head_.name = with_quotes(std::move(parameter.value));
    } else if (equals_ignoring_case(parameter.name, "filename")) {
      once = once && !head_.filename;
      head_.filename = with_quotes(std::move(parameter.value));
    }
  });
  if (!read || !named || !once) return std::unexpected(malformed("a part without a name"));
  disposed_ = true;
  return {};
}

Result<void> MultipartReader::finish() const {
  if (state_ == State::epilogue) return {};
  return std::unexpected(malformed("it ends before its last boundary"));
}

}  // namespace rocket
