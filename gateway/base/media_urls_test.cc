#include "base/media_urls.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(MediaUrls, HasANameThatLeadsBack) {
  for (const MediaUrls one : all_media_urls)
    EXPECT_EQ(media_urls(to_string(one)), one) << to_string(one);
  for (const std::string_view other : {"", "Fetch", "automatic", "pass "})
    EXPECT_EQ(media_urls(other), std::nullopt) << other;
}

}  // namespace
}  // namespace rocket
