#include "config/name.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket {
namespace {

TEST(Name, IsFitForAHeaderALabelAndALog) {
  for (const std::string& good :
       {std::string("a"), std::string("vLLM-0.7_b"), std::string("."), std::string(64, 'x')}) {
    EXPECT_TRUE(is_name(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string(65, 'x'), std::string("a b"), std::string("a/b"),
        std::string("a\n"), std::string("\xc3\xa9"), std::string("a\0", 2), std::string("a\"b")}) {
    EXPECT_FALSE(is_name(bad)) << bad;
  }
}

}  // namespace
}  // namespace rocket
