#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"

namespace rocket {

[[nodiscard]] std::optional<std::string> environment_variable(const std::string& name);

// The whole of a file of at most 4 MiB. An error's detail says what is wrong, without the path.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

// What a configuration may refer to outside itself. Tests bring their own.
struct Environment {
  std::function<std::optional<std::string>(const std::string& name)> variable =
      environment_variable;
  std::function<Result<std::string>(const std::string& path)> file = read_file;
};

}  // namespace rocket
