#include "schema/responses_list.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace rocket {
namespace {

using Json = nlohmann::json;

constexpr ListedResponse first{
    .id = "r1",
    .input = R"("Hi\n")",
    .output = R"([{"type":"message","id":"msg_r1_0","role":"assistant","status":"completed",)"
              R"("content":[{"type":"output_text","text":"yes","annotations":[],"logprobs":[]}]},)"
              R"({"type":"function_call","id":"fc_r1_1","call_id":"c","name":"f",)"
              R"("arguments":"{}","status":"completed"}])"};
constexpr ListedResponse second{
    .id = "r2",
    .input = R"([{"type":"function_call_output","call_id":"c","output":"1"},)"
             R"({"role":"user","content":[{"type":"input_text","text":"a"},)"
             R"({"type":"input_image","image_url":"data:x"}]}])",
    .output = R"([{"id":"msg_r2_0"}])"};

Json list(const ListPage& page, std::span<const ListedResponse> conversation) {
  const auto written = write_item_list(conversation, page);
  EXPECT_TRUE(written) << written.error().detail;
  return Json::parse(*written);
}

std::vector<std::string> ids(const Json& listed) {
  std::vector<std::string> ids;
  for (const Json& item : listed["data"])
    ids.push_back(item["id"]);
  return ids;
}

TEST(ResponsesList, HasAllThatAResponseWasMadeFrom) {
  const ListedResponse both[] = {first, second};
  const Json listed = list({.limit = 20, .ascending = true}, both);
  EXPECT_EQ(listed["object"], "list");
  EXPECT_EQ(ids(listed), (std::vector<std::string>{"msg_r1_in0", "msg_r1_0", "fc_r1_1",
                                                   "fco_r2_in0", "msg_r2_in1"}));
  EXPECT_EQ(listed["first_id"], "msg_r1_in0");
  EXPECT_EQ(listed["last_id"], "msg_r2_in1");
  EXPECT_EQ(listed["has_more"], false);
  EXPECT_EQ(ids(list({.ascending = true}, {both, 1})), std::vector<std::string>{"msg_r1_in0"})
      << "not what it has said itself";
}

TEST(ResponsesList, ItemsHaveWhatClientsExpect) {
  const ListedResponse both[] = {first, second};
  const Json items = list({.ascending = true}, both)["data"];
  EXPECT_EQ(items[0], Json::parse(R"({"id":"msg_r1_in0","type":"message","role":"user",
      "status":"completed","content":[{"type":"input_text","text":"Hi\n"}]})"));
  EXPECT_EQ(items[3], Json::parse(R"({"id":"fco_r2_in0","type":"function_call_output",
      "call_id":"c","output":"1","status":"completed"})"));
  EXPECT_EQ(items[4], Json::parse(R"({"id":"msg_r2_in1","type":"message","role":"user",
      "status":"completed","content":[{"type":"input_text","text":"a"},
      {"type":"input_image","image_url":"data:x","detail":"auto"}]})"));
}

TEST(ResponsesList, FillsUpWhatAClientSaysForTheAssistant) {
  const ListedResponse one[] = {
      {.id = "r",
       .input = R"([{"role":"assistant","content":"x","id":"mine","status":null},)"
                R"({"role":"assistant","content":[{"type":"output_text","text":"y"}],)"
                R"("status":"incomplete"},{"type":"reasoning","summary":[]},{"type":"odd"}])"}};
  const Json items = list({.ascending = true}, one)["data"];
  const Json part = {{"type", "output_text"},
                     {"text", "x"},
                     {"annotations", Json::array()},
                     {"logprobs", Json::array()}};
  EXPECT_EQ(items[0]["content"][0], part);
  EXPECT_EQ(items[0]["id"], "mine");
  EXPECT_EQ(items[0]["status"], "completed");
  EXPECT_EQ(items[1]["content"][0]["annotations"], Json::array());
  EXPECT_EQ(items[1]["status"], "incomplete");
  EXPECT_EQ(items[2]["id"], "rs_r_in2");
  EXPECT_EQ(items[3], Json::parse(R"({"id":"item_r_in3","type":"odd"})"));
}

TEST(ResponsesList, ComesInPages) {
  const ListedResponse both[] = {first, second};
  const struct {
    ListPage page;
    std::vector<std::string> ids;
    bool more;
  } cases[] = {
      {{.limit = 2}, {"msg_r2_in1", "fco_r2_in0"}, true},
      {{.limit = 2, .after = "fco_r2_in0"}, {"fc_r1_1", "msg_r1_0"}, true},
      {{.limit = 2, .after = "msg_r1_0"}, {"msg_r1_in0"}, false},
      {{.limit = 2, .after = "msg_r1_in0"}, {}, false},
      {{.limit = 2, .ascending = true, .after = "fc_r1_1"}, {"fco_r2_in0", "msg_r2_in1"}, false},
  };
  for (const auto& one : cases) {
    const Json listed = list(one.page, both);
    EXPECT_EQ(ids(listed), one.ids);
    EXPECT_EQ(listed["has_more"], one.more);
    EXPECT_EQ(listed["last_id"], one.ids.empty() ? "" : one.ids.back());
  }
  const auto unknown = write_item_list(both, {.after = "msg_r2_0"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid_field);
}

TEST(ResponsesList, FindsAnItemByTheIdThatItIsListedWith) {
  EXPECT_TRUE(find_item(first, "fc_r1_1").starts_with(R"({"type":"function_call")"));
  EXPECT_TRUE(find_item(second, "fco_r2_in0").contains("function_call_output"));
  for (const char* id : {"", "fc_r1_2", "msg_r1_in0", "msg_r2_in0"})
    EXPECT_EQ(find_item(first, id), "") << id;
}

}  // namespace
}  // namespace rocket
