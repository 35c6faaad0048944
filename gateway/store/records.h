#pragma once

#include <cstdint>
#include <string>

namespace rocket {

// What is kept of batches and of their files. Times are Unix seconds, 0: not (yet).

// A file that a client has uploaded, or that a batch has made. Its bytes are elsewhere.
struct StoredFile {
  std::string id;     // "file-" and 32 hexadecimal digits
  std::string owner;  // the name of the key that it belongs to; empty: there are no keys
  std::string filename;
  std::string purpose;  // "batch", "batch_output", or another that the client has named
  std::uint64_t bytes = 0;
  std::int64_t created_at = 0;
  std::int64_t expires_at = 0;

  bool operator==(const StoredFile&) const = default;
};

// https://developers.openai.com/api/reference/resources/batches, "status".
enum class BatchStatus : unsigned char {
  validating,
  failed,  // the file is no batch; `errors` say why
  in_progress,
  finalizing,
  completed,
  expired,
  cancelling,
  cancelled,
};

struct BatchTokens {
  std::uint64_t input = 0;
  std::uint64_t cached = 0;  // of the input
  std::uint64_t output = 0;
  std::uint64_t reasoning = 0;  // of the output

  bool operator==(const BatchTokens&) const = default;
};

struct StoredBatch {
  std::string id;  // "batch_" and 32 hexadecimal digits
  std::string owner;
  std::string endpoint;  // the path that all lines ask, such as "/v1/chat/completions"
  std::string input_file_id;
  std::string completion_window;
  std::string metadata;  // JSON: an object or null
  std::string errors;    // JSON: an array of {code, line, message, param}; empty: none
  std::string engine;    // "local" or "ray"
  std::int64_t output_expires_after = 0;  // seconds; 0: as other files
  std::string output_file_id;
  std::string error_file_id;
  BatchStatus status = BatchStatus::validating;
  std::int64_t created_at = 0;
  std::int64_t in_progress_at = 0;
  std::int64_t expires_at = 0;
  std::int64_t finalizing_at = 0;
  std::int64_t completed_at = 0;
  std::int64_t failed_at = 0;
  std::int64_t expired_at = 0;
  std::int64_t cancelling_at = 0;
  std::int64_t cancelled_at = 0;
  // Kept by Store::finish_lines, never by update_batch.
  std::uint64_t completed = 0;  // lines with an answer
  std::uint64_t failed = 0;     // lines with an error
  BatchTokens tokens;
  std::uint64_t total = 0;  // lines
  // Kept by Store::take_job, never by update_batch: which of Ray's clusters shares the lines out,
  // until then (Unix milliseconds) or as long as it goes on saying so.
  std::string job_cluster;
  std::int64_t job_until = 0;

  bool operator==(const StoredBatch&) const = default;
};

// Who shares out the lines of a batch whose engine is `ray`: of a cluster's drivers the one with
// the highest number.
struct JobDriver {
  std::string cluster;
  std::uint32_t number = 0;  // from 1 on; 0: nobody

  bool operator==(const JobDriver&) const = default;
};

// A batch of this status has nothing left to do.
[[nodiscard]] constexpr bool has_ended(BatchStatus status) {
  return status == BatchStatus::failed || status == BatchStatus::completed ||
         status == BatchStatus::expired || status == BatchStatus::cancelled;
}

// A line that has been begun and not finished, as the journal has it.
struct BegunLine {
  std::uint32_t line = 0;  // counted from 0
  std::uint32_t times = 0;

  bool operator==(const BegunLine&) const = default;
};

// What came of a line.
struct LineResult {
  std::uint32_t line = 0;
  bool error = false;  // it belongs into the error file
  std::string json;    // a line of that file, without its end
  BatchTokens tokens;

  bool operator==(const LineResult&) const = default;
};

}  // namespace rocket
