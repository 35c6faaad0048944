#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace rocket {

// `rocket batch run`
struct BatchOptions {
  std::string input;
  std::string output;
  std::string config_path{};  // empty: ./rocket.yaml if it is there, else discovery
  std::string gateway_url{};  // ask a running gateway instead
  std::string key_file{};     // that holds the key to show there
  // Lines at once, instead of what the configuration says.
  std::optional<std::uint32_t> in_flight{};
};

// Works off a file of requests (JSONL, as /v1/batches takes them) without a server: answers go to
// `output`, what failed to `output`.errors. What has been done is kept in `output`.journal until
// all is; run again, it goes on from there. Returns the process's exit status: 0 all lines
// answered, 1 a configuration, or a file that is no batch, 2 a journal of another input, 3 nobody
// to ask, or a file that can not be read or written, 4 done with failed lines, 128 + N ended by
// signal N.
[[nodiscard]] int run_batch(const BatchOptions& options);

}  // namespace rocket
