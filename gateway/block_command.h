#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace rocket {

// `rocket batch block`
struct BlockOptions {
  std::string admin;  // the gateway's admin port: a Unix socket's path
  std::string batch;
  std::uint32_t driver = 1;
  std::string cluster{};
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::optional<pid_t> parent{};
};

// Has the gateway behind an admin socket ask a block of lines of a batch whose engine is `ray`
// (batch/block_operations.h), and waits until all of them have a result. Killed, it takes the block
// with it: the gateway calls off what it asks. On stdout it says `asking` every second, for as long
// as it hears so from the gateway, and at last the end, as the gateway does: done, ended, replaced
// or stopped.
//
// Returns the process's exit status: 0 done; 1 the batch is not in progress, or not with these
// lines, or another driver gives them out; 3 there is no such gateway, or it has gone: to be tried
// again.
[[nodiscard]] int run_block(const BlockOptions& options);

}  // namespace rocket
