#pragma once

#include <string>
#include <string_view>

#include "store/store.h"

// Files in the words of OpenAI's API.
namespace rocket {

[[nodiscard]] std::string file_json(const StoredFile& file);
[[nodiscard]] std::string file_list_json(const Store::Listed<StoredFile>& files);
[[nodiscard]] std::string deleted_file_json(std::string_view id);

}  // namespace rocket
