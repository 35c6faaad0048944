#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/assert.h"

// Writes HTTP/1.1: each function appends to `out`. Nothing that came from outside can end a line
// early: whoever passes a value on checks it with header_value_ok first, and the writer insists.
namespace rocket {

// "POST /v1/models HTTP/1.1\r\n". `target` is a path, perhaps with a query.
void append_request_line(std::string& out, std::string_view method, std::string_view target);

// "HTTP/1.1 404 Not Found\r\n"; `status` is 100 to 599.
void append_status_line(std::string& out, int status);

// Appends them all, making room once.
void append_parts(std::string& out, std::initializer_list<std::string_view> parts);

// Without CR, LF and NUL.
[[nodiscard]] bool header_value_ok(std::string_view value);

// Not empty, no colon, and fit for a line. Nothing at run time where the name is a literal.
[[nodiscard, gnu::always_inline]] inline bool header_name_ok(std::string_view name) {
  return !name.empty() && !name.contains(':') && !name.contains('\r') && !name.contains('\n') &&
         !name.contains('\0');
}

// "name: value\r\n".
[[gnu::always_inline]] inline void append_header(std::string& out, std::string_view name,
                                                 std::string_view value) {
  ROCKET_ASSERT(header_name_ok(name));
  ROCKET_ASSERT(header_value_ok(value));
  append_parts(out, {name, ": ", value, "\r\n"});
}

constexpr std::string_view head_end = "\r\n";

// A chunk is append_chunk_prefix ("1a\r\n"), `size` bytes, chunk_suffix. `size` is not 0, which
// would end the body: last_chunk does that.
void append_chunk_prefix(std::string& out, std::size_t size);
constexpr std::string_view chunk_suffix = "\r\n";
constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace rocket
