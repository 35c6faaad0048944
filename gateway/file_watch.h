#pragma once

#include <map>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace rocket {

// Tells whether files have changed since they were last looked at, without reading them. One that
// is gone has not changed: whoever replaces a file may need a moment for it.
class FileWatch {
 public:
  // Whether one of `paths` that was among them the last time is another now.
  [[nodiscard]] bool changed(const std::vector<std::string>& paths);

  // Those of `paths` that it does not know yet are known from now on, as they are.
  void know(const std::vector<std::string>& paths);

 private:
  // What tells one version of a file from another.
  struct Stamp {
    ino_t inode = 0;
    off_t size = 0;
    timespec changed{};

    [[nodiscard]] static Stamp of(const std::string& path);
    [[nodiscard]] bool operator==(const Stamp& other) const;
  };

  std::map<std::string, Stamp> known_;
};

}  // namespace rocket
