#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rocket {

// `rocket batch run`
struct BatchOptions {
  std::string input;
  std::string output;
  std::string config_path{};  // empty: ./rocket.yaml if it is there, else discovery
  std::string gateway_url{};  // ask a running gateway instead
  std::string key_file{};     // that holds the key to show there
  // Instead of what the configuration says, if there is one: lines at once, lines of the file, and
  // the longest of them.
  std::optional<std::uint32_t> in_flight{};
  std::optional<std::uint32_t> lines{};
  std::optional<std::uint64_t> line_bytes{};
};

// How a file that is too much may be run all the same; empty: what is wrong with it is something
// else. `problems`: JSON, as StoredBatch has them.
[[nodiscard]] std::string_view batch_limit_remedy(std::string_view problems);

// Works off a file of requests (JSONL, as /v1/batches takes them) without a server: answers go to
// `output`, what failed to `output`.errors. What has been done is kept in `output`.journal until
// all is; run again, it goes on from there. Returns the process's exit status: 0 all lines
// answered, 1 a configuration, or a file that is no batch, 2 a journal of another input, 3 nobody
// to ask, or a file that can not be read or written, 4 done with failed lines, 128 + N ended by
// signal N.
[[nodiscard]] int run_batch(const BatchOptions& options);

}  // namespace rocket
