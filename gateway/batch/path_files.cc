#include "batch/path_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "net/file_descriptor.h"

namespace rocket {
namespace {

std::unexpected<Error> failure(const std::string& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return fail(full ? ErrorCode::store_full : ErrorCode::store_unavailable,
              path + ": " + std::strerror(error));
}

// Results are renamed into their place, and where a link leads is the place: it may name another
// disk. Nothing need be there yet.
std::string followed(std::string path) {
  constexpr int links_max = 40;
  std::error_code failed;
  for (int i = 0; i < links_max && std::filesystem::is_symlink(path, failed); ++i) {
    const auto to = std::filesystem::read_symlink(path, failed);
    if (failed) break;
    path = (std::filesystem::path(path).parent_path() / to).string();
  }
  return path;
}

class PathSource final : public BatchSource {
 public:
  PathSource(std::string path, FileDescriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}

  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset,
                                         std::span<char> into) const override {
    std::size_t got = 0;
    while (got < into.size()) {
      const ssize_t read = ::pread(file_.get(), into.data() + got, into.size() - got,
                                   static_cast<off_t>(offset + got));
      if (read < 0 && errno == EINTR) continue;
      if (read < 0) return failure(path_, errno);
      if (read == 0) break;
      got += static_cast<std::size_t>(read);
    }
    return got;
  }

 private:
  std::string path_;
  FileDescriptor file_;
};

class PathOutput final : public BatchOutput {
 public:
  PathOutput(std::string path, FileDescriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}
  ~PathOutput() override {
    if (!finished_) ::unlink(scratch(path_).c_str());
  }

  [[nodiscard]] static std::string scratch(const std::string& path) { return path + ".part"; }

  [[nodiscard]] Result<void> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failure(path_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
      bytes_ += static_cast<std::uint64_t>(written);
    }
    return {};
  }

  [[nodiscard]] Result<std::uint64_t> finish() override {
    if (::fsync(file_.get()) != 0) return failure(path_, errno);
    if (std::rename(scratch(path_).c_str(), path_.c_str()) != 0) return failure(path_, errno);
    finished_ = true;
    return bytes_;
  }

 private:
  std::string path_;
  FileDescriptor file_;
  std::uint64_t bytes_ = 0;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<BatchSource>> PathFiles::open_input(const StoredBatch&) {
  FileDescriptor file(::open(input_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return fail(ErrorCode::file_not_found, input_ + " is not there");
  if (!file) return failure(input_, errno);
  return std::make_unique<PathSource>(input_, std::move(file));
}

Result<std::unique_ptr<BatchOutput>> PathFiles::create(const std::string&, Results results) {
  const std::string path = followed(results == Results::errors ? errors_ : output_);
  FileDescriptor file(
      ::open(PathOutput::scratch(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return failure(path, errno);
  return std::make_unique<PathOutput>(path, std::move(file));
}

}  // namespace rocket
