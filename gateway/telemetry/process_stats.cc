#include "telemetry/process_stats.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace rocket {
namespace {

// Fields of /proc/self/stat by their numbers in proc(5).
constexpr std::size_t field_utime = 14;
constexpr std::size_t field_stime = 15;
constexpr std::size_t field_starttime = 22;
constexpr std::size_t field_rss = 24;

class StatLine {
 public:
  StatLine() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    // The second field is the program's name in parentheses, and may hold anything.
    const std::size_t name_end = line.rfind(')');
    if (name_end == line.npos) return;
    std::istringstream rest(line.substr(name_end + 1));
    fields_.assign(std::istream_iterator<std::string>(rest), {});
  }

  [[nodiscard]] double number(std::size_t field) const {
    constexpr std::size_t first = 3;
    return field - first < fields_.size() ? std::strtod(fields_[field - first].c_str(), nullptr)
                                          : 0;
  }

 private:
  std::vector<std::string> fields_;
};

double ticks_to_seconds(double ticks) {
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double clock_seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double count_open_fds() {
  constexpr const char* folder = "/proc/self/fd";
  // Linux 6.2 and later tell at once; with thousands of connections, listing takes milliseconds.
  struct stat status{};
  if (::stat(folder, &status) == 0 && status.st_size > 0)
    return static_cast<double>(status.st_size);
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

ProcessStats::ProcessStats() {
  const double since_boot = ticks_to_seconds(StatLine().number(field_starttime));
  if (since_boot <= 0) return;
  start_time_seconds_ = clock_seconds(CLOCK_REALTIME) - clock_seconds(CLOCK_BOOTTIME) + since_boot;
}

ProcessStats::Sample ProcessStats::read() const {
  const StatLine stat;
  Sample sample;
  sample.resident_bytes = stat.number(field_rss) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  sample.open_fds = count_open_fds();
  sample.cpu_seconds = ticks_to_seconds(stat.number(field_utime) + stat.number(field_stime));
  return sample;
}

}  // namespace rocket
