#include "start.h"

#include <sys/stat.h>

#include <cstdio>
#include <utility>

#include "base/log.h"
#include "config/discovery.h"
#include "config/read_config.h"
#include "first_config.h"
#include "parent.h"

namespace rocket {
namespace {

constexpr int exit_config = 1;
constexpr int exit_parent = 3;
constexpr const char* default_config_path = "rocket.yaml";

bool file_exists(const char* path) {
  struct stat status{};
  return ::stat(path, &status) == 0;
}

std::expected<Start, int> wait_for_start(const ServeOptions& options) {
  const FileDescriptor access_fd(open_log_descriptor(STDOUT_FILENO));
  const FileDescriptor log_fd(open_log_descriptor(STDERR_FILENO));
  Log log(log_fd.get());
  auto first = wait_for_config(options.admin.value_or(Config{}.admin), access_fd.get(), log);
  if (!first) return std::unexpected(first.error());
  return Start{.config = std::move(first->config),
               .posted = std::move(first->text),
               .admin_overridden = true,
               .sockets = std::move(first->sockets)};
}

std::expected<Start, int> read_start(const ServeOptions& options) {
  Start start{.path = options.config_path, .admin_overridden = options.admin.has_value()};
  if (start.path.empty() && file_exists(default_config_path)) start.path = default_config_path;
  if (start.path.empty()) {
    const Config usual;
    start.config = discovery_config(usual.listen, options.admin.value_or(usual.admin));
    return start;
  }
  ConfigReading reading = read_config_file(start.path);
  for (const Problem& problem : reading.problems)
    std::fprintf(stderr, "%s\n", format_problem(problem).c_str());
  if (!reading.ok()) return std::unexpected(exit_config);
  start.config = std::move(reading.config);
  if (options.admin) start.config.admin = *options.admin;
  return start;
}

}  // namespace

std::expected<Start, int> find_start(const ServeOptions& options) {
  if (options.parent && !die_with(*options.parent)) return std::unexpected(exit_parent);
  return options.wait_config ? wait_for_start(options) : read_start(options);
}

}  // namespace rocket
