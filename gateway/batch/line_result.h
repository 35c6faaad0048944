#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/records.h"

namespace rocket {

// A line of a batch's output or error file, as OpenAI writes them:
//   {"id", "custom_id", "response": {"status_code", "request_id", "body"}, "error"}
// Where a translation has lost something the response has "translation", too.

// Who was asked, and what for.
struct AskedLine {
  std::uint32_t line = 0;  // its place in the file, counted from 0
  std::string custom_id;
  std::string id;  // "batch_req_" and 32 hexadecimal digits
};

// What `text`, that line of the batch's file, says of itself.
[[nodiscard]] AskedLine asked_line(const StoredBatch& batch, std::uint32_t line,
                                   std::string_view text);

struct LineResponse {
  int status = 0;
  std::string_view request_id;
  std::string_view body;
  std::string_view translation{};  // what was lost on the way; empty: nothing
};

// What a backend has said, or what the gateway has told instead. Not a success: it belongs into
// the error file. `endpoint` is the path that was asked: where its answers tell tokens.
[[nodiscard]] LineResult answered_line(const AskedLine& asked, const LineResponse& response,
                                       std::string_view endpoint);

// It has never been answered, and will not be: "batch_expired" and the like.
[[nodiscard]] LineResult unanswered_line(const AskedLine& asked, std::string_view code,
                                         std::string_view message);

}  // namespace rocket
