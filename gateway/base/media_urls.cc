#include "base/media_urls.h"

namespace rocket {

std::string_view to_string(MediaUrls media_urls) {
  switch (media_urls) {
    case MediaUrls::automatic: return "auto";
    case MediaUrls::refuse: return "refuse";
    case MediaUrls::fetch: return "fetch";
    case MediaUrls::pass: return "pass";
  }
  return "auto";
}

std::optional<MediaUrls> media_urls(std::string_view name) {
  for (const MediaUrls one : all_media_urls) {
    if (to_string(one) == name) return one;
  }
  return std::nullopt;
}

}  // namespace rocket
