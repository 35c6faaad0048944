#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/error.h"

namespace rocket {

// What a request to a fake of Anthropic's Messages API comes down to.
struct MessagesRequest {
  std::string model;
  std::uint64_t max_tokens = 0;
  std::uint64_t prompt_tokens = 0;
  bool stream = false;
  bool cached = false;  // somewhere in it is a cache_control
  bool thinks = false;
  bool hides_thoughts = false;  // who asks gets only their signature
  std::string forced_tool;      // empty: none
};

// invalid_field with the words of the API for what it would refuse. Who only counts the tokens of
// a prompt need not limit the answer's.
[[nodiscard]] Result<MessagesRequest> read_messages_request(const nlohmann::json& body,
                                                            bool counting);

}  // namespace rocket
