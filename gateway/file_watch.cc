#include "file_watch.h"

namespace rocket {

FileWatch::Stamp FileWatch::Stamp::of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_ino, status.st_size, status.st_mtim};
}

bool FileWatch::Stamp::operator==(const Stamp& other) const {
  return inode == other.inode && size == other.size && changed.tv_sec == other.changed.tv_sec &&
         changed.tv_nsec == other.changed.tv_nsec;
}

bool FileWatch::changed(const std::vector<std::string>& paths) {
  bool any = false;
  std::map<std::string, Stamp> seen;
  for (const std::string& path : paths) {
    Stamp& stamp = seen[path] = Stamp::of(path);
    const auto before = known_.find(path);
    if (before == known_.end()) continue;
    if (stamp == Stamp{}) stamp = before->second;
    any = any || !(stamp == before->second);
  }
  known_ = std::move(seen);
  return any;
}

void FileWatch::know(const std::vector<std::string>& paths) {
  for (const std::string& path : paths)
    known_.try_emplace(path, Stamp::of(path));
}

}  // namespace rocket
