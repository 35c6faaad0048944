#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>

#include "net/io.h"

namespace rocket {

// The size of the HTTP message that `bytes` begin with, head and body, once its head is whole.
//
// For benchmark programs only, where each microsecond is one that the gateway under test can not
// have: it believes what it reads, and knows no framing but Content-Length.
[[nodiscard]] inline std::optional<std::size_t> bench_message_size(std::string_view bytes) {
  const std::size_t head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return std::nullopt;
  const std::size_t head_size = head_end + 4;
  // One proxy writes "Content-Length", the next "content-length"; no other name ends like it.
  constexpr std::string_view length_name = "ength: ";
  const std::size_t at = bytes.substr(0, head_end).find(length_name);
  if (at == std::string_view::npos) return head_size;
  const char* digits = bytes.data() + at + length_name.size();
  std::size_t body_size = 0;
  std::from_chars(digits, bytes.data() + head_end, body_size);
  return head_size + body_size;
}

// Whether `bytes` begin with the head of an answer with status 200.
[[nodiscard]] inline bool bench_answer_ok(std::string_view bytes) {
  return bytes.starts_with("HTTP/1.1 200 ");
}

// Writes all of `bytes`, which live until then. False: the peer is gone.
[[nodiscard]] inline Task<bool> bench_write(ByteStream& stream, std::string_view bytes) {
  while (!bytes.empty()) {
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    const IoResult put = stream.try_write({&piece, 1});
    if (put.status == IoResult::Status::done) {
      bytes.remove_prefix(put.bytes);
    } else if (put.status == IoResult::Status::would_block) {
      co_await stream.writable(never);
    } else {
      co_return false;
    }
  }
  co_return true;
}

}  // namespace rocket
