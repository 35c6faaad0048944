#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rocket {

struct IgnoredFields {
  void operator()(auto&&...) const {}
};

// A struct that names its fields in fields(), as config.h explains.
template <class T>
concept Settings = requires(T& settings) { T::fields(settings, IgnoredFields{}); };

template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

// A setting that may be left out and has no default.
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_map = false;
template <class T>
inline constexpr bool is_map<std::map<std::string, T>> = true;

}  // namespace rocket
