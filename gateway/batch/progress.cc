#include "batch/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace rocket {
namespace {

constexpr std::size_t bar_columns = 20;
constexpr std::size_t bar_columns_least = 5;

double per_second(const Progress& progress) {
  const double seconds = std::chrono::duration<double>(progress.elapsed).count();
  return seconds <= 0 ? 0 : static_cast<double>(progress.done - progress.begun_with) / seconds;
}

// `rate` is positive. Part of a second is a second.
std::int64_t seconds_left(const Progress& progress, double rate) {
  return static_cast<std::int64_t>(static_cast<double>(progress.total - progress.done) / rate +
                                   0.999);
}

std::string left_text(const Progress& progress, double rate) {
  if (progress.done >= progress.total) return "done";
  if (rate <= 0) return "time left unknown";
  const std::int64_t whole = seconds_left(progress, rate);
  if (whole < 60) return fmt::format("{} s left", whole);
  if (whole < 3600) return fmt::format("{} min {} s left", whole / 60, whole % 60);
  return fmt::format("{} h {} min left", whole / 3600, whole % 3600 / 60);
}

std::string bar_text(const Progress& progress, std::size_t columns) {
  const std::size_t filled =
      progress.total == 0 ? 0
                          : static_cast<std::size_t>(std::min(progress.done, progress.total) *
                                                     columns / progress.total);
  return '[' + std::string(filled, '=') + std::string(columns - filled, ' ') + "] ";
}

// "999", "12.3k", "678k", "1.2M"
std::string short_number(std::uint64_t number) {
  if (number < 1000) return std::to_string(number);
  const bool thousands = number < 999'500;
  const double scaled = static_cast<double>(number) / (thousands ? 1e3 : 1e6);
  return fmt::format("{:.{}f}{}", scaled, scaled < 99.95 ? 1 : 0, thousands ? 'k' : 'M');
}

std::string short_left_text(const Progress& progress, double rate) {
  if (progress.done >= progress.total) return "done";
  if (rate <= 0) return "? left";
  const std::int64_t whole = seconds_left(progress, rate);
  if (whole < 60) return fmt::format("{}s left", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s left", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m left", whole / 3600, whole % 3600 / 60);
}

// For a terminal of usual width. What it waits for comes before all that stands still meanwhile.
std::string short_text(const Progress& progress) {
  const std::string counts =
      fmt::format("{}/{}, {} failed, ", progress.done, progress.total, progress.failed);
  if (!progress.trouble.empty()) return counts + "waits: " + progress.trouble;
  const double rate = per_second(progress);
  return counts + fmt::format("{:.{}f}/s, {}, {}+{} tokens", rate, rate < 10 ? 1 : 0,
                              short_left_text(progress, rate), short_number(progress.tokens.input),
                              short_number(progress.tokens.output));
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
  std::string line = bar_text(progress, bar_columns) + progress_text(progress);
  if (line.size() <= columns) return line;
  const std::string text = short_text(progress);
  const std::size_t left = columns - std::min(columns, text.size() + bar_text({}, 0).size());
  line = left < bar_columns_least ? text : bar_text(progress, std::min(left, bar_columns)) + text;
  if (line.size() > columns) line.resize(columns);
  return line;
}

}  // namespace rocket
