#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace rocket {

// What is done about files that a request names by their address instead of sending them.
enum class MediaUrls : unsigned char {
  automatic,  // as is right for the backend: refuse for local servers, pass for clouds
  refuse,     // it is not asked
  fetch,      // Rocket gets the files and sends them along
  pass,       // it is given the address, and gets the file itself
};

inline constexpr std::array all_media_urls{MediaUrls::automatic, MediaUrls::refuse,
                                           MediaUrls::fetch, MediaUrls::pass};

// As it stands in the configuration: "auto", "fetch".
[[nodiscard]] std::string_view to_string(MediaUrls media_urls);
[[nodiscard]] std::optional<MediaUrls> media_urls(std::string_view name);

}  // namespace rocket
