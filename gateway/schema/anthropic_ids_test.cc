#include "schema/anthropic_ids.h"

#include <gtest/gtest.h>

#include <set>

namespace rocket {
namespace {

TEST(AnthropicIds, AreWhatTheProviderTakesAndComeBack) {
  std::set<std::string> names;
  for (const std::string_view id :
       {"call_1", "toolu_01A-b", "call:2", "call.2", "call-2", R"(a\"b)", R"(\u00e9)", "\xC3\xA9",
        "rocket_x", "rocket_-3a", "functions.get:0", "a b"}) {
    const std::string name = anthropic_id({id});
    EXPECT_EQ(
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"),
        std::string::npos)
        << name;
    EXPECT_TRUE(names.insert(name).second) << name;
    KeptTexts kept;
    EXPECT_EQ(anthropic_id_read({name}, kept).inside, id);
  }
  EXPECT_EQ(anthropic_id({"call_1"}), "call_1");
}

TEST(AnthropicIds, WhatWasNotWrittenHereIsLeftAsItIs) {
  KeptTexts kept;
  for (const std::string_view id : {"rocket_", "rocket_-", "rocket_-3", "rocket_-zz", "rocket_abc",
                                    "rocket_-22", "rocket_-3A", "rocket_-41", "rocket_--1"})
    EXPECT_EQ(anthropic_id_read({id}, kept).inside, id);
}

}  // namespace
}  // namespace rocket
