#include "schema/shown_tools.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "schema/chat_reader.h"
#include "schema/chat_writer.h"

namespace rocket {
namespace {

const std::string f = R"({"type":"function","function":{"name":"f"}})";
const std::string g = R"({"type":"function","function":{"name":"g"}})";
const std::string both = R"("tools":[)" + f + "," + g + "]";
const std::string hi = R"("messages":[{"role":"user","content":"a"}])";

struct Case {
  const char* name;
  std::string said;   // members of the body
  std::string shown;  // the tools afterwards
  std::string loss;
};

// The same whether the client's own words pass or are put in others.
const Case cases[] = {
    {"nothing said", both, f + "," + g, ""},
    {"as it likes", R"("tool_choice":"auto",)" + both, f + "," + g, ""},
    {"none", R"("tool_choice":"none",)" + both, "", "emulated=tool_choice,emulated=tools"},
    {"any", both + R"(,"tool_choice":"required")", f + "," + g, "dropped=tool_choice"},
    {"one of them", both + R"(,"tool_choice":{"type":"function","function":{"name":"g"}})", g,
     "dropped=tool_choice,emulated=tools"},
    {"an escaped name", R"("tool_choice":{"type":"function","function":{"name":"\u0067"}},)" + both,
     g, "dropped=tool_choice,emulated=tools"},
    {"the only one",
     R"("tool_choice":{"type":"function","function":{"name":"f"}},"tools":[)" + f + "]", f,
     "dropped=tool_choice"},
    {"one that is not there",
     R"("tool_choice":{"type":"function","function":{"name":"h"}},)" + both, f + "," + g,
     "dropped=tool_choice"},
    {"one at a time", R"("parallel_tool_calls":false,)" + both, f + "," + g,
     "dropped=parallel_tool_calls"},
    {"several at a time", R"("parallel_tool_calls":true,)" + both, f + "," + g, ""},
    {"none, and one at a time", R"("tool_choice":"none","parallel_tool_calls":false,)" + both, "",
     "dropped=parallel_tool_calls,emulated=tool_choice,emulated=tools"},
};

TEST(ShownTools, OfTheClientsOwnWords) {
  for (const Case& c : cases) {
    const std::string body = "{" + c.said + "," + hi + "}";
    TranslationLoss loss;
    const auto edits = shown_tools_edits(body, loss);
    std::string sent;
    for (const std::string_view piece : splice(body, edits))
      sent += piece;
    std::string expected = body;
    const size_t begin = expected.find(R"("tools":[)") + 9;
    expected.replace(begin, expected.find(']', begin) - begin, c.shown);
    EXPECT_EQ(sent, expected) << c.name;
    EXPECT_EQ(loss.to_string(), c.loss) << c.name;
  }
}

TEST(ShownTools, InOtherWords) {
  for (const Case& c : cases) {
    const std::string body = "{" + c.said + "," + hi + "}";
    TranslationLoss loss;
    const auto read = read_chat_request(body, loss);
    ASSERT_TRUE(read) << c.name;
    const std::string sent =
        write_chat_request(*read, {.model = "m", .steers_tools = false}, loss).joined();
    const std::string tools = c.shown.empty() ? std::string() : R"("tools":[)" + c.shown + "],";
    EXPECT_EQ(sent, R"({"model":"m",)" + tools + hi + "}") << c.name;
    EXPECT_EQ(loss.to_string(), c.loss) << c.name;
  }
}

// Where words alone are taken for a choice.
TEST(ShownTools, ANamedOneIsTheOnlyOneAndHasToBeCalled) {
  const std::string named = R"({"type":"function","function":{"name":"g"}})";
  const struct {
    const char* name;
    std::string said;
    std::string sent;
    std::string loss;
  } named_cases[] = {
      {"one of them", both + R"(,"tool_choice":)" + named,
       R"("tools":[)" + g + R"(],"tool_choice":"required")", "emulated=tool_choice,emulated=tools"},
      {"the only one", R"("tools":[)" + g + R"(],"tool_choice":)" + named,
       R"("tools":[)" + g + R"(],"tool_choice":"required")", "emulated=tool_choice"},
      {"a word", both + R"(,"tool_choice":"required")", both + R"(,"tool_choice":"required")", ""},
      {"nothing", both, both, ""},
  };
  for (const auto& c : named_cases) {
    const std::string body = "{" + c.said + "," + hi + "}";
    TranslationLoss loss;
    auto edits = named_tool_edits(body, loss);
    std::ranges::sort(edits, {}, &Edit::begin);
    std::string sent;
    for (const std::string_view piece : splice(body, edits))
      sent += piece;
    EXPECT_EQ(sent, "{" + c.sent + "," + hi + "}") << c.name;
    EXPECT_EQ(loss.to_string(), c.loss) << c.name;

    TranslationLoss translated;
    const auto read = read_chat_request(body, translated);
    ASSERT_TRUE(read) << c.name;
    EXPECT_EQ(write_chat_request(*read, {.model = "m", .names_tools = false}, translated).joined(),
              R"({"model":"m",)" + c.sent + "," + hi + "}")
        << c.name;
    EXPECT_EQ(translated.to_string(), c.loss) << c.name;
  }
  // Refused by the server itself.
  TranslationLoss loss;
  EXPECT_TRUE(
      named_tool_edits("{" + both + R"(,"tool_choice":{"type":"allowed_tools"}})", loss).empty());
  EXPECT_TRUE(
      named_tool_edits(R"({"tools":[)" + f + R"(],"tool_choice":)" + named + "}", loss).empty());
  EXPECT_EQ(loss.to_string(), "");
}

TEST(ShownTools, ALongNameIsNotReadForEachOfManyTools) {
  const std::string name(size_t{1} << 20U, 'n');
  std::string tools = R"({"tools":[)" + f;
  for (int i = 0; i < 50'000; ++i)
    tools += ',' + f;
  const std::string body =
      tools + R"(],"tool_choice":{"function":{"name":")" + name + R"("}},)" + hi + "}";
  TranslationLoss loss;
  const auto start = std::clock();
  EXPECT_TRUE(shown_tools_edits(body, loss).empty());
  EXPECT_LT(std::clock() - start, 2 * CLOCKS_PER_SEC);
}

TEST(ShownTools, WhoeverHeedsItIsToldAllOfIt) {
  TranslationLoss loss;
  const std::string body =
      "{" + both + R"(,"tool_choice":"required","parallel_tool_calls":false,)" + hi + "}";
  const auto read = read_chat_request(body, loss);
  ASSERT_TRUE(read);
  EXPECT_EQ(write_chat_request(*read, {.model = "m"}, loss).joined(),
            R"({"model":"m",)" + both + R"(,"tool_choice":"required",)" +
                R"("parallel_tool_calls":false,)" + hi + "}");
  EXPECT_EQ(loss.to_string(), "");
}

TEST(ShownTools, WhatOnlyOneDialectKnowsIsLost) {
  const struct {
    const char* name;
    std::string said;
    std::string loss;
  } others[] = {
      {"some of them", R"("tool_choice":{"type":"allowed_tools","allowed_tools":{}},)" + both,
       "dropped=tool_choice"},
      {"no tools to choose from", R"("tool_choice":"required")", "dropped=tool_choice"},
      {"none of no tools", R"("tool_choice":"none")", ""},
      {"nothing", R"("tool_choice":null,)" + both, ""},
      {"tools that are none", R"("tools":{"a":1},"tool_choice":"none")", ""},
  };
  for (const auto& c : others) {
    TranslationLoss loss;
    EXPECT_TRUE(shown_tools_edits("{" + c.said + "," + hi + "}", loss).empty()) << c.name;
    EXPECT_EQ(loss.to_string(), c.loss) << c.name;
  }
}

}  // namespace
}  // namespace rocket
