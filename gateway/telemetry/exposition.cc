#include "telemetry/exposition.h"

#include <fmt/format.h>

#include <iterator>
#include <span>
#include <vector>

namespace rocket {
namespace {

std::string_view type_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter: return "counter";
    case MetricKind::gauge:
    case MetricKind::error_rate: return "gauge";
    case MetricKind::histogram: return "histogram";
  }
  return "untyped";
}

void append_header(std::string& out, std::string_view name, std::string_view help,
                   std::string_view type) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

// `labels` may be empty.
void append_name(std::string& out, std::string_view name, std::string_view labels) {
  out += name;
  if (labels.empty()) return;
  out += '{';
  out += labels;
  out += '}';
}

void append_number(std::string& out, std::uint64_t value) {
  const fmt::format_int digits(value);
  out += ' ';
  out.append(digits.data(), digits.size());
  out += '\n';
}

void append_number(std::string& out, double value) {
  fmt::format_to(std::back_inserter(out), " {}\n", value);
}

double to_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

class FamilyWriter {
 public:
  FamilyWriter(std::string& out, const FamilySnapshot& family) : out_(out), family_(family) {
    const FamilyInfo& info = *family.info;
    if (info.kind != MetricKind::histogram) return;
    for (const Duration bound : info.buckets)
      bounds_.push_back(fmt::format("le=\"{}\"}}", to_seconds(bound)));
    bounds_.emplace_back("le=\"+Inf\"}");
    bucket_ = fmt::format("{}_bucket{{", info.name);
    sum_ = fmt::format("{}_sum", info.name);
    count_ = fmt::format("{}_count", info.name);
  }

  void write() {
    const FamilyInfo& info = *family_.info;
    append_header(out_, info.name, info.help, type_name(info.kind));
    const std::span<const std::uint64_t> values(family_.values);
    const std::size_t step = family_.values_per_series;
    for (std::size_t i = 0; i < family_.labels.size(); ++i)
      write_series(family_.labels[i], values.subspan(i * step, step));
  }

 private:
  void write_series(std::string_view labels, std::span<const std::uint64_t> values) {
    switch (family_.info->kind) {
      case MetricKind::counter:
        append_name(out_, family_.info->name, labels);
        return append_number(out_, values[0]);
      case MetricKind::gauge:
        append_name(out_, family_.info->name, labels);
        out_ += fmt::format(" {}\n", static_cast<std::int64_t>(values[0]));
        return;
      case MetricKind::error_rate:
        append_name(out_, family_.info->name, labels);
        return append_number(out_, share(values[1], values[0]));
      case MetricKind::histogram: return write_histogram(labels, values);
    }
  }

  void write_histogram(std::string_view labels, std::span<const std::uint64_t> words) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < bounds_.size(); ++i) {
      count += words[i];
      out_ += bucket_;
      out_ += labels;
      if (!labels.empty()) out_ += ',';
      out_ += bounds_[i];
      append_number(out_, count);
    }
    append_name(out_, sum_, labels);
    append_number(out_, to_seconds(Duration(words.back())));
    append_name(out_, count_, labels);
    append_number(out_, count);
  }

  [[nodiscard]] static double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }

  std::string& out_;
  const FamilySnapshot& family_;
  std::vector<std::string> bounds_;  // each as it ends a bucket's labels
  std::string bucket_;
  std::string sum_;
  std::string count_;
};

void append_process(std::string& out, const ProcessStats::Sample& process, double started) {
  const auto append = [&out](std::string_view name, std::string_view help, std::string_view type,
                             double value) {
    append_header(out, name, help, type);
    append_name(out, name, {});
    append_number(out, value);
  };
  append("process_resident_memory_bytes", "Resident memory size.", "gauge", process.resident_bytes);
  append("process_open_fds", "Open file descriptors.", "gauge", process.open_fds);
  append("process_cpu_seconds_total", "User and system CPU time spent.", "counter",
         process.cpu_seconds);
  append("process_start_time_seconds", "When the process started, in seconds since the epoch.",
         "gauge", started);
}

void append_loops(std::string& out, std::span<const std::function<Duration()>> loops) {
  constexpr std::string_view name = "rocket_loop_busy_seconds_total";
  if (loops.empty()) return;
  append_header(out, name,
                "For how long each event loop had something to do: its rate is the share of the "
                "time, 1 when it never waits.",
                "counter");
  for (std::size_t i = 0; i < loops.size(); ++i) {
    append_name(out, name, fmt::format("loop=\"{}\"", i));
    append_number(out, to_seconds(loops[i]()));
  }
}

}  // namespace

std::string Exposition::text(TimePoint now) const {
  std::string out;
  for (const FamilySnapshot& family : metrics_.collect(now))
    FamilyWriter(out, family).write();
  constexpr std::string_view build_info = "rocket_build_info";
  append_header(out, build_info, "Always 1; its label says what is running.", "gauge");
  append_name(out, build_info, fmt::format("version=\"{}\"", version_));
  append_number(out, std::uint64_t{1});
  append_loops(out, loops_);
  append_process(out, process_.read(), process_.start_time_seconds());
  return out;
}

}  // namespace rocket
