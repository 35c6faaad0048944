#include "config/environment.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>

namespace rocket {

namespace {

constexpr size_t file_bytes_max = size_t{4} * 1024 * 1024;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::unexpected<Error> unreadable(int error) {
  return fail(ErrorCode::invalid_field,
              "can not be read: " + std::generic_category().message(error));
}

}  // namespace

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

Result<std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return unreadable(errno);
  std::string content;
  std::array<char, 16 * 1024> piece;
  while (const size_t count = std::fread(piece.data(), 1, piece.size(), file.get())) {
    content.append(piece.data(), count);
    if (content.size() > file_bytes_max) {
      return fail(ErrorCode::invalid_field, "is larger than 4 MiB");
    }
  }
  if (std::ferror(file.get()) != 0) return unreadable(errno);
  return content;
}

}  // namespace rocket
