#pragma once

#include <cstddef>
#include <string_view>

namespace rocket {

// How an attempt, or the exchange as a whole, ended.
enum class Outcome : unsigned char {
  ok,
  error,      // the client was told so by a status or an error event
  cancelled,  // called off: the client went away, or another attempt was faster
  cut,        // the stream broke after the commit
};
inline constexpr std::size_t outcome_count = 4;

// Who has to change something for it to go better.
enum class Blame : unsigned char { none, client, gateway, upstream };
inline constexpr std::size_t blame_count = 4;

// As they stand in metrics and logs.
[[nodiscard]] std::string_view to_string(Outcome outcome);
[[nodiscard]] std::string_view to_string(Blame blame);

}  // namespace rocket
