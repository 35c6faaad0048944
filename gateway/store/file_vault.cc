#include "store/file_vault.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "store/folder.h"

namespace rocket {
namespace {

// Of what is being written: no id begins with a dot.
constexpr std::string_view scratch_prefix = ".writing-";

bool is_id(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

// So that the name is on the disk as well.
bool sync_folder_of(const std::string& path) {
  const OpenFile folder(
      ::open(path.substr(0, path.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder.get() >= 0 && ::fsync(folder.get()) == 0;
}

// Whoever writes holds a lock on it, which ends with him.
void remove_if_left(const std::string& path) {
  const OpenFile file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() >= 0 && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
}

}  // namespace

OpenFile::OpenFile(OpenFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

OpenFile::~OpenFile() {
  if (fd_ >= 0) ::close(fd_);
}

FileVault::Writer::Writer(std::string scratch, std::string target, OpenFile file, const Tell& tell)
    : scratch_(std::move(scratch)),
      target_(std::move(target)),
      file_(std::move(file)),
      tell_(tell) {}

FileVault::Writer::~Writer() {
  if (!committed_) ::unlink(scratch_.c_str());
}

Result<void> FileVault::Writer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return std::unexpected(failure("write", errno));
    bytes.remove_prefix(static_cast<size_t>(written));
    bytes_ += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<void> FileVault::Writer::commit() {
  if (::fsync(file_.get()) != 0) return std::unexpected(failure("fsync", errno));
  if (::rename(scratch_.c_str(), target_.c_str()) != 0) {
    return std::unexpected(failure("rename", errno));
  }
  committed_ = true;
  if (!sync_folder_of(target_)) return std::unexpected(failure("fsync of the folder", errno));
  return {};
}

Error FileVault::Writer::failure(const char* what, int system_error) const {
  tell_(target_ + ": " + what + ": " + std::strerror(system_error));
  return disk_error(system_error);
}

Result<std::size_t> FileVault::Reader::read(std::uint64_t offset, std::span<char> into) const {
  std::size_t filled = 0;
  while (filled < into.size()) {
    const auto rest = into.subspan(filled);
    const ssize_t got =
        ::pread(file_.get(), rest.data(), rest.size(), static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(disk_error(errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

WorkThread& FileVault::thread() {
  return threads_[next_thread_.fetch_add(1, std::memory_order_relaxed) % threads_.size()];
}

void FileVault::join() {
  for (WorkThread& thread : threads_)
    thread.join();
}

bool FileVault::join_until(std::chrono::steady_clock::time_point deadline) {
  return std::ranges::all_of(
      threads_, [deadline](WorkThread& thread) { return thread.join_until(deadline); });
}

std::string FileVault::path_of(std::string_view id) const {
  ROCKET_ASSERT(is_id(id));
  return folder_ + '/' + std::string(id);
}

Error FileVault::failure(const std::string& path, int system_error) const {
  tell_(path + ": " + std::strerror(system_error));
  return disk_error(system_error);
}

Result<std::unique_ptr<FileVault::Writer>> FileVault::create(std::string_view id) {
  const auto made = make_folder(folder_, tell_);
  if (!made) return std::unexpected(made.error());
  const std::string scratch =
      folder_ + '/' + std::string(scratch_prefix) + std::to_string(::getpid()) + '-' +
      std::to_string(scratches_.fetch_add(1, std::memory_order_relaxed)) + '-' + std::string(id);
  OpenFile file(
      ::open(scratch.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file.get() < 0) return std::unexpected(failure(scratch, errno));
  ::flock(file.get(), LOCK_EX | LOCK_NB);
  return std::make_unique<Writer>(scratch, path_of(id), std::move(file), tell_);
}

Result<std::unique_ptr<FileVault::Reader>> FileVault::open(std::string_view id) const {
  const std::string path = path_of(id);
  OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0 && errno == ENOENT) return fail(ErrorCode::file_not_found);
  struct stat found{};
  if (file.get() < 0 || ::fstat(file.get(), &found) != 0) {
    return std::unexpected(failure(path, errno));
  }
  return std::make_unique<Reader>(std::move(file), static_cast<std::uint64_t>(found.st_size));
}

Result<void> FileVault::remove(std::string_view id) const {
  const std::string path = path_of(id);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return std::unexpected(failure(path, errno));
}

Result<std::vector<std::string>> FileVault::sweep(std::int64_t before) const {
  std::vector<std::string> old;
  const std::unique_ptr<DIR, decltype([](DIR* folder) { ::closedir(folder); })> folder(
      ::opendir(folder_.c_str()));
  if (folder == nullptr) {
    if (errno == ENOENT) return old;
    return std::unexpected(failure(folder_, errno));
  }
  while (const dirent* const entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    const std::string path = folder_ + '/' + name;
    if (name.starts_with(scratch_prefix)) {
      remove_if_left(path);
    } else if (struct stat found{}; is_id(name) && ::stat(path.c_str(), &found) == 0) {
      if (S_ISREG(found.st_mode) && found.st_mtim.tv_sec < before) old.push_back(name);
    }
  }
  return old;
}

}  // namespace rocket
