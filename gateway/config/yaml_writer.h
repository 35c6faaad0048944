#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>

#include "config/config.h"
#include "config/keys_file.h"
#include "config/settings.h"
#include "config/units.h"

namespace rocket {

// Text in double quotes, for YAML and JSON alike. Without control characters: the reader lets
// none into a Config.
[[nodiscard]] std::string yaml_text(const std::string& text);

// A value of a Config in YAML's flow style, of a keys file its path. The whole Config reads back
// to the same.
template <class T>
[[nodiscard]] std::string to_yaml(const T& value) {
  if constexpr (Settings<T>) {
    std::string members;
    T::fields(value, [&](std::string_view key, const auto& member, std::string_view) {
      if constexpr (is_optional<std::remove_cvref_t<decltype(member)>>) {
        if (!member) return;
      }
      members += fmt::format("{}{}: {}", members.empty() ? "" : ", ", key, to_yaml(member));
    });
    return '{' + members + '}';
  } else if constexpr (is_list<T>) {
    std::string items;
    for (const auto& item : value)
      items += (items.empty() ? "" : ", ") + to_yaml(item);
    return '[' + items + ']';
  } else if constexpr (is_map<T>) {
    std::string entries;
    for (const auto& [key, entry] : value) {
      entries +=
          fmt::format("{}{}: {}", entries.empty() ? "" : ", ", yaml_text(key), to_yaml(entry));
    }
    return '{' + entries + '}';
  } else if constexpr (is_optional<T>) {
    return value ? to_yaml(*value) : std::string();
  } else if constexpr (std::same_as<T, std::string>) {
    return yaml_text(value);
  } else if constexpr (std::same_as<T, KeysFile>) {
    return yaml_text(value.path);
  } else if constexpr (std::same_as<T, Sha256>) {
    return yaml_text(key_hash_text(value));
  } else if constexpr (std::same_as<T, ListenAddress> || std::same_as<T, EndpointUrl>) {
    return yaml_text(value.to_string());
  } else if constexpr (std::same_as<T, bool> || std::same_as<T, double> ||
                       std::same_as<T, std::uint32_t>) {
    return fmt::format("{}", value);
  } else {
    return std::string(to_string(value));
  }
}

}  // namespace rocket
