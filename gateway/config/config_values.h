#pragma once

#include <cstdint>
#include <string>

// What a setting can be beside a word and a number.
namespace rocket {

// A count of bytes in a file: "64KiB", "100MiB" or a plain number.
struct ByteSize {
  std::uint64_t bytes = 0;
  [[nodiscard]] bool operator==(const ByteSize&) const = default;
};
constexpr ByteSize operator""_KiB(unsigned long long count) {
  return {count * 1024};
}
constexpr ByteSize operator""_MiB(unsigned long long count) {
  return {count * 1024 * 1024};
}

// An address to listen on: "127.0.0.1:8000", "[::1]:8000", "0.0.0.0:8000" or "unix:/path".
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;  // 0: any free port
  std::string unix_path;   // not empty: a Unix socket, and host and port mean nothing

  [[nodiscard]] bool loopback() const;  // a Unix socket counts as loopback
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool operator==(const ListenAddress&) const = default;
};

// Where an endpoint of a backend is reached. Parsed and normalised; "/v1" at the end is trimmed.
struct EndpointUrl {
  bool tls = false;
  std::string host;  // a name, or an IP literal without brackets
  std::uint16_t port = 0;
  std::string base_path;  // "" or "/base", without a final slash

  [[nodiscard]] std::string authority() const;  // what goes into Host
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool operator==(const EndpointUrl&) const = default;
};

}  // namespace rocket
