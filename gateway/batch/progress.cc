#include "batch/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace rocket {
namespace {

constexpr std::size_t bar_columns = 20;

double per_second(const Progress& progress) {
  const double seconds = std::chrono::duration<double>(progress.elapsed).count();
  return seconds <= 0 ? 0 : static_cast<double>(progress.done - progress.begun_with) / seconds;
}

std::string left_text(const Progress& progress, double rate) {
  if (progress.done >= progress.total) return "done";
  if (rate <= 0) return "time left unknown";
  const double seconds = static_cast<double>(progress.total - progress.done) / rate;
  const auto whole = static_cast<std::int64_t>(seconds + 0.999);
  if (whole < 60) return fmt::format("{} s left", whole);
  if (whole < 3600) return fmt::format("{} min {} s left", whole / 60, whole % 60);
  return fmt::format("{} h {} min left", whole / 3600, whole % 3600 / 60);
}

}  // namespace

std::string progress_text(const Progress& progress) {
  const double rate = per_second(progress);
  std::string text =
      fmt::format("{} of {} lines, {} failed, {:.{}f} a second, {}, {} tokens in, {} out",
                  progress.done, progress.total, progress.failed, rate, rate < 10 ? 1 : 0,
                  left_text(progress, rate), progress.tokens.input, progress.tokens.output);
  if (!progress.trouble.empty()) text += "; waits: " + progress.trouble;
  return text;
}

std::string progress_bar(const Progress& progress, std::size_t columns) {
  const std::size_t filled =
      progress.total == 0 ? 0
                          : static_cast<std::size_t>(std::min(progress.done, progress.total) *
                                                     bar_columns / progress.total);
  std::string line = '[' + std::string(filled, '=') + std::string(bar_columns - filled, ' ') +
                     "] " + progress_text(progress);
  if (line.size() > columns) line.resize(columns);
  return line;
}

}  // namespace rocket
