#include "store/folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace rocket {

Error disk_error(int system_error) {
  if (system_error == ENOSPC || system_error == EDQUOT) {
    return {ErrorCode::store_full, "no space is left where files and batches are kept"};
  }
  if (system_error == EMFILE || system_error == ENFILE || system_error == ENOMEM) {
    return {ErrorCode::store_unavailable, "no descriptor or memory is left; try again soon"};
  }
  return {ErrorCode::store_unavailable,
          "the folder of files and batches can not be read or written; see that its disk works and "
          "that it is writable for Rocket"};
}

Result<void> make_folder(const std::string& folder,
                         const std::function<void(std::string_view)>& tell) {
  const std::filesystem::path path = std::filesystem::path(folder).lexically_normal();
  std::error_code failed;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), failed);
  int why = failed.value();
  if (!failed) {
    why = ::mkdir(path.c_str(), S_IRWXU) == 0 || errno == EEXIST ? 0 : errno;
  }
  if (why == 0) return {};
  tell(folder + ": " + std::strerror(why));
  return std::unexpected(disk_error(why));
}

}  // namespace rocket
