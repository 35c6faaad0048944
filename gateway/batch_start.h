#pragma once

#include <expected>
#include <string>

#include "base/error.h"
#include "batch_command.h"
#include "config/config.h"

namespace rocket {

// What `rocket batch run` begins with.

// The configuration: of a file, of what runs on this machine, or of one gateway as the only
// backend. Or else the process's exit status, and it has been said what is wrong.
[[nodiscard]] std::expected<Config, int> batch_config(const BatchOptions& options);

struct BatchStart {
  std::string endpoint;     // what its first line asks; the others have to ask the same
  std::string fingerprint;  // of all its bytes
};
// Errors: store_unavailable if the input can not be read, or the results can not be put where they
// are to go; invalid_json if its first line is not one.
[[nodiscard]] Result<BatchStart> read_batch_start(const BatchOptions& options);

}  // namespace rocket
