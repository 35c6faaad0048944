#include "batch/open_input.h"

#include <limits>
#include <utility>

namespace rocket {
namespace {

BatchFileLimits file_limits(const BatchConfig& config, BatchStatus status) {
  if (status != BatchStatus::validating) {
    return {.lines = std::numeric_limits<std::uint32_t>::max(),
            .line_bytes = std::numeric_limits<std::uint32_t>::max()};
  }
  return {.lines = config.lines, .line_bytes = config.line_bytes.bytes};
}

std::string input_gone() {
  const BatchProblem gone{"input_file_not_found",
                          "The input file has been deleted before the batch was done with it.",
                          "input_file_id",
                          {}};
  return write_problems({&gone, 1});
}

Task<void> read_all(const BatchSurroundings& around, PatientStore& patience,
                    std::shared_ptr<InputReading> reading) {
  while (true) {
    auto step = [reading] { return reading->step(); };
    auto more = co_await around.work.call(around.disk, std::move(step));
    if (more && !*more) co_return;
    if (!more) {
      co_await patience.wait_out(std::move(more.error()));
    }
  }
}

}  // namespace

Task<std::expected<std::shared_ptr<const BatchInput>, std::string>> open_input(
    const BatchSurroundings& around, PatientStore& patience, const StoredBatch& batch) {
  while (true) {
    auto open = [files = &around.files, batch] { return files->open_input(batch); };
    auto source = co_await around.work.call(around.disk, std::move(open));
    if (source) {
      const BatchConfig& config = around.loop.current->snapshot->config.batch;
      auto reading = std::make_shared<InputReading>(*std::move(source), batch.endpoint,
                                                    file_limits(config, batch.status));
      co_await read_all(around, patience, reading);
      if (!reading->problems().empty()) {
        co_return std::unexpected(write_problems(reading->problems()));
      }
      co_return std::make_shared<const BatchInput>(reading->take());
    }
    if (source.error().code == ErrorCode::file_not_found) {
      co_return std::unexpected(input_gone());
    }
    co_await patience.wait_out(std::move(source.error()));
  }
}

}  // namespace rocket
