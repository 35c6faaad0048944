#include "schema/translation_loss.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(TranslationLoss, NamesEachThingOnceAndInOrder) {
  TranslationLoss loss;
  EXPECT_TRUE(loss.empty());
  EXPECT_EQ(loss.to_string(), "");
  loss.drop("logit_bias");
  loss.emulate("n");
  loss.drop("logit_bias");
  loss.emulate("logit_bias");
  EXPECT_EQ(loss.to_string(), "dropped=logit_bias,emulated=n,emulated=logit_bias");
  EXPECT_FALSE(loss.empty());
  EXPECT_TRUE(loss.names("n"));
  EXPECT_FALSE(loss.names("seed"));
}

TEST(TranslationLoss, KeepsQuietAboutFieldsThatSayNothing) {
  TranslationLoss loss;
  loss.drop({{"a", "null"},
             {"b", "false"},
             {"c", "[]"},
             {"d", "{ }"},
             {"e", "\"\""},
             {"n", "1"},
             {"top_logprobs", "0"},
             {"service_tier", "\"auto\""},
             {"truncation", "\"disabled\""},
             {"modalities", "[\"text\"]"},
             {"web_search_options", "null"},
             {"web_search_options", "{}"},
             {"modalities", "[\"text\",\"audio\"]"},
             {"truncation", "\"auto\""},
             {"f", "0"},
             {"n", "2"},
             {"g", "[0]"}});
  EXPECT_EQ(loss.to_string(),
            "dropped=web_search_options,dropped=modalities,dropped=truncation,dropped=f,dropped=n,"
            "dropped=g");
}

TEST(TranslationLoss, IsSafeInAHeader) {
  TranslationLoss loss;
  loss.drop("a\r\nx: y");
  loss.drop("\xC3\xA9,=");
  loss.drop(std::string(1000, 'k'));
  EXPECT_EQ(loss.to_string(), "dropped=a__x__y,dropped=____,dropped=" + std::string(64, 'k'));
  EXPECT_TRUE(loss.names("a\r\nx: y"));
}

TEST(TranslationLoss, IsBounded) {
  TranslationLoss loss;
  for (int i = 0; i < 1000; ++i)
    loss.drop("field" + std::to_string(i));
  EXPECT_LT(loss.to_string().size(), 1000U);
  EXPECT_TRUE(loss.to_string().ends_with(",more"));
}

}  // namespace
}  // namespace rocket
