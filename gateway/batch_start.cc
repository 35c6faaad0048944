#include "batch_start.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/sha256.h"
#include "batch/batch_file.h"
#include "batch/line_call.h"
#include "config/discovery.h"
#include "config/environment.h"
#include "config/read_config.h"
#include "config/url.h"
#include "wire/json.h"

namespace rocket {
namespace {

constexpr int exit_config = 1;
constexpr int exit_usage = 2;
constexpr const char* default_config_path = "rocket.yaml";

std::expected<Config, int> read_checked(const std::string& path) {
  ConfigReading reading = read_config_file(path);
  for (const Problem& problem : reading.problems)
    std::fprintf(stderr, "%s\n", format_problem(problem).c_str());
  if (!reading.ok()) return std::unexpected(exit_config);
  return std::move(reading.config);
}

// It makes way for people there, whatever the lane of its key.
std::expected<Config, int> gateway_config(const BatchOptions& options) {
  auto url = parse_endpoint_url(options.gateway_url);
  if (!url) {
    std::fprintf(stderr, "--gateway: %s\n", url.error().detail.c_str());
    return std::unexpected(exit_usage);
  }
  const auto key = options.key_file.empty() ? Result<std::string>() : read_file(options.key_file);
  if (!key) {
    std::fprintf(stderr, "--key-file: %s %s; name a file with the API key\n",
                 options.key_file.c_str(), key.error().detail.c_str());
    return std::unexpected(exit_config);
  }
  Config config;
  BackendConfig gateway;
  gateway.name = "gateway";
  gateway.urls.push_back(*std::move(url));
  gateway.api_key_file = options.key_file;
  gateway.head_lines = "x-rocket-lane: batch\r\n";
  config.backends.push_back(std::move(gateway));
  config.order = {"gateway"};
  // It says itself who has answered.
  config.mark_backend = false;
  return config;
}

// Some of them are held while they are asked, each as what is sent as well.
void take_long_lines(Config& config, std::uint64_t bytes) {
  constexpr std::uint64_t held = 4;
  config.batch.line_bytes.bytes = bytes;
  std::uint64_t& most = config.limits.bodies_in_flight_bytes.bytes;
  most = std::max(most, held * bytes);
}

bool file_exists(const char* path) {
  struct stat status{};
  return ::stat(path, &status) == 0;
}

// Nothing, or what an earlier run has left there: results replace what they find.
Result<void> check_place(const std::string& path, const struct stat& input) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return {};
  if (!S_ISREG(found.st_mode)) {
    return fail(ErrorCode::store_unavailable,
                path + " is there and no file, and results would replace it; name another -o");
  }
  if (found.st_dev == input.st_dev && found.st_ino == input.st_ino) {
    return fail(ErrorCode::store_unavailable,
                path + " is the input, and results would replace it; name another -o");
  }
  return {};
}

// The input is read again and again, which a pipe is not.
Result<void> check_files(const BatchOptions& options) {
  if (options.output == "-") {
    return fail(ErrorCode::store_unavailable,
                "-o has to be a file, from which a run that was stopped goes on (./- is one)");
  }
  struct stat input{};
  if (::stat(options.input.c_str(), &input) != 0) {
    return fail(ErrorCode::store_unavailable, options.input + ": " + std::strerror(errno));
  }
  if (!S_ISREG(input.st_mode)) {
    return fail(ErrorCode::store_unavailable,
                options.input + " is no file; write what comes of it into one, and name that");
  }
  for (const char* const suffix : {"", ".errors"}) {
    const auto checked = check_place(options.output + suffix, input);
    if (!checked) return checked;
  }
  return {};
}

// The first one with something in it; empty: there is none.
std::string first_line(std::ifstream& file) {
  std::string line;
  for (bool first = true; std::getline(file, line); first = false) {
    if (first && line.starts_with(byte_order_mark)) line.erase(0, byte_order_mark.size());
    if (line.find_first_not_of(" \t\r") != std::string::npos) return line;
  }
  return {};
}

Result<std::string> endpoint_of(std::string_view line, const std::string& input) {
  constexpr std::string_view shape =
      "; a line is {\"custom_id\", \"method\": \"POST\", \"url\", \"body\"}";
  if (line.empty()) {
    return fail(ErrorCode::invalid_json, input + " has no lines" + std::string(shape));
  }
  const auto json = parse_json(line);
  if (!json) {
    return fail(ErrorCode::invalid_json,
                input + ": the first line is no JSON: " + json.error().detail + std::string(shape));
  }
  const auto url = json->kind == JsonKind::object ? json_find(json->text, "url") : std::nullopt;
  auto endpoint = url ? url->as_string() : std::nullopt;
  if (endpoint && batch_operation(*endpoint)) return *std::move(endpoint);
  return fail(ErrorCode::invalid_json,
              input +
                  ": the first line has no `url` of /v1/chat/completions, /v1/completions, "
                  "/v1/embeddings or /v1/responses" +
                  std::string(shape));
}

std::string hex(const Sha256& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : digest) {
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

// A chain of digests of pieces, so that no more than a piece is held.
std::string fingerprint_of(std::ifstream& file) {
  constexpr std::size_t piece_bytes = std::size_t{1024} * 1024;
  std::string chained(sizeof(Sha256), '\0');
  std::vector<char> piece(piece_bytes);
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto got = static_cast<std::size_t>(file.gcount());
    if (got == 0) break;
    const Sha256 digest = sha256(chained + std::string(piece.data(), got));
    std::memcpy(chained.data(), digest.data(), digest.size());
  }
  Sha256 last{};
  std::memcpy(last.data(), chained.data(), last.size());
  return hex(last);
}

}  // namespace

std::string_view batch_limit_remedy(std::string_view problems) {
  if (problems.contains(R"("too_many_requests")")) return "--lines N takes as many";
  if (problems.contains(R"("line_too_long")")) return "--line-bytes SIZE takes longer ones";
  return {};
}

std::expected<Config, int> batch_config(const BatchOptions& options) {
  std::expected<Config, int> config;
  if (!options.gateway_url.empty()) {
    config = gateway_config(options);
  } else if (!options.config_path.empty()) {
    config = read_checked(options.config_path);
  } else if (file_exists(default_config_path)) {
    config = read_checked(default_config_path);
  } else {
    const Config usual;
    config = discovery_config(usual.listen, usual.admin);
  }
  if (!config) return config;
  if (options.in_flight) config->batch.lines_in_flight = *options.in_flight;
  if (options.lines) config->batch.lines = *options.lines;
  if (options.line_bytes) take_long_lines(*config, *options.line_bytes);
  // How many it takes at once is for the gateway to say.
  if (!options.gateway_url.empty()) {
    config->limits.in_flight_per_endpoint = 2 * config->batch.lines_in_flight;
  }
  // Whoever runs it here needs no key of the gateway's clients, and one loop is enough.
  config->keys_file = {};
  config->threads = 1;
  return config;
}

Result<BatchStart> read_batch_start(const BatchOptions& options) {
  const auto checked = check_files(options);
  if (!checked) return std::unexpected(checked.error());
  const std::string& input = options.input;
  std::ifstream file(input, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::store_unavailable, input + ": " + std::strerror(errno));
  }
  auto endpoint = endpoint_of(first_line(file), input);
  if (!endpoint) return std::unexpected(std::move(endpoint.error()));
  file.clear();
  file.seekg(0);
  return BatchStart{*std::move(endpoint), fingerprint_of(file)};
}

}  // namespace rocket
