#pragma once

namespace rocket {

// What the kernel knows of this process, out of /proc. What can not be read is 0.
class ProcessStats {
 public:
  struct Sample {
    double resident_bytes = 0;
    double open_fds = 0;
    double cpu_seconds = 0;
  };

  ProcessStats();

  [[nodiscard]] Sample read() const;
  // In seconds since the epoch. Found once: an alert on restarts watches it for changes, and to
  // compute it again after the wall clock was set would give another.
  [[nodiscard]] double start_time_seconds() const { return start_time_seconds_; }

 private:
  double start_time_seconds_ = 0;
};

}  // namespace rocket
