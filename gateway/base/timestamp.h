#pragma once

#include <chrono>
#include <string>

namespace rocket {

// Wall-clock time, for people: logs and the store. Never for decisions.
using WallTime = std::chrono::system_clock::time_point;

// Appends `time` as RFC 3339 in UTC with milliseconds: "2025-11-24T08:43:53.007Z".
void append_timestamp(std::string& out, WallTime time);

}  // namespace rocket
