#include "new_key.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/sha256.h"
#include "config/environment.h"
#include "config/keys_file.h"
#include "net/file_descriptor.h"

namespace rocket {
namespace {

constexpr int exit_config = 1;
constexpr int exit_io = 3;
constexpr mode_t owner_only = 0600;

int fail_io(const std::string& path, const char* what) {
  std::fprintf(stderr, "%s: %s: %s\n", path.c_str(), what, std::strerror(errno));
  return exit_io;
}

// 256 bits that nobody can guess, in the alphabet of RFC 4648, section 5.
std::string random_key() {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 33> bytes{};  // the last stays 0: three bytes make four letters
  if (::getrandom(bytes.data(), bytes.size() - 1, 0) != static_cast<ssize_t>(bytes.size() - 1)) {
    std::abort();  // a kernel without randomness has no keys to give
  }
  std::string key(key_prefix);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned group = static_cast<unsigned>(bytes[i]) << 16U |
                           static_cast<unsigned>(bytes[i + 1]) << 8U | bytes[i + 2];
    for (unsigned shift : {18U, 12U, 6U, 0U})
      key += alphabet[group >> shift & 63U];
  }
  key.pop_back();
  return key;
}

// Where a link leads, so that the link stays one.
std::string resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? real.get() : path;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  return ::fsync(fd) == 0;
}

// Puts `text` in the place of the file in one step. The owner stays: who makes a key as root must
// not lock out the gateway.
bool replace_file(const std::string& path, std::string_view text) {
  std::string scratch = path + ".XXXXXX";
  const FileDescriptor fd(::mkostemp(scratch.data(), O_CLOEXEC));  // mode 0600
  if (!fd) return false;
  struct stat before{};
  const bool exists = ::stat(path.c_str(), &before) == 0;
  const bool owned = !exists || before.st_uid == ::geteuid() ||
                     ::fchown(fd.get(), before.st_uid, before.st_gid) == 0;
  if (owned && ::fchmod(fd.get(), owner_only) == 0 && write_all(fd.get(), text) &&
      ::rename(scratch.c_str(), path.c_str()) == 0) {
    return true;
  }
  const int error = errno;
  ::unlink(scratch.c_str());
  errno = error;
  return false;
}

}  // namespace

int new_key(KeyConfig key, const std::string& given_path) {
  const std::string path = resolved(given_path);
  // Of two at once one waits, so that no entry is lost.
  const FileDescriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::flock(folder.get(), LOCK_EX) != 0) return fail_io(path, "its folder");
  std::string text;
  if (::access(path.c_str(), F_OK) == 0) {
    const auto read = read_file(path);
    if (!read) {
      std::fprintf(stderr, "%s %s\n", path.c_str(), read.error().detail.c_str());
      return exit_io;
    }
    text = *read;
  }
  const std::string secret = random_key();
  key.hash = sha256(secret);
  const std::string name = key.name;
  Problems problems;
  std::string after;
  static_cast<void>(read_keys(text, problems));
  std::vector<Problem> found = problems.take();
  if (found.empty()) {
    after = with_key(text, key);
    static_cast<void>(read_keys(after, problems));
    found = problems.take();
  }
  for (const Problem& problem : found)
    std::fprintf(stderr, "%s\n", format_problem(problem).c_str());
  if (!found.empty()) return exit_config;
  if (!replace_file(path, after) || ::fsync(folder.get()) != 0) return fail_io(path, "writing it");
  std::printf("%s\n", secret.c_str());
  if (std::fflush(stdout) != 0) return fail_io("standard output", "the key is lost");
  std::fprintf(stderr, "key \"%s\" added to %s; it is shown only this once\n", name.c_str(),
               path.c_str());
  return 0;
}

}  // namespace rocket
