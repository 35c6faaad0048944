#include "batch/block_range.h"

#include <gtest/gtest.h>

#include <optional>

namespace rocket {
namespace {

TEST(BlockRange, a_request_is_read_where_it_is_one) {
  struct Case {
    const char* body;
    std::optional<BlockRequest> request;
  };
  const Case cases[] = {
      {R"({"driver": 3})", BlockRequest{{"", 3}, {}}},
      {R"({"driver": 3, "cluster": "one"})", BlockRequest{{"one", 3}, {}}},
      {R"({"driver": 1, "from": 0, "to": 10})", BlockRequest{{"", 1}, BlockRange{0, 10}}},
      {R"({"to": 4, "from": 3, "more": 1, "driver": 2, "cluster": "x"})",
       BlockRequest{{"x", 2}, BlockRange{3, 4}}},
      {R"({"driver": 3, "cluster": 1})", {}},
      {R"({"driver": 3, "cluster": null})", {}},
      {R"({"from": 0, "to": 10})", {}},
      {R"({"driver": 0})", {}},
      {R"({"driver": "1"})", {}},
      {R"({"driver": 1, "from": 3, "to": 3})", {}},
      {R"({"driver": 1, "from": 4, "to": 3})", {}},
      {R"({"driver": 1, "from": -1, "to": 3})", {}},
      {R"({"driver": 1, "from": 0, "to": 11})", {}},
      {R"({"driver": 1, "from": 0})", {}},
      {R"({"driver": 1, "to": 1})", {}},
      {R"({"driver": 1, "from": "0", "to": "1"})", {}},
      {"[0, 1]", {}},
      {"", {}},
  };
  for (const Case& c : cases) {
    const auto read = read_block_request(c.body, 10);
    EXPECT_EQ(read ? std::optional(*read) : std::nullopt, c.request) << c.body;
  }
}

TEST(BlockRange, what_has_no_result_is_told_in_the_order_of_asking) {
  struct Case {
    std::vector<std::uint32_t> order;
    std::vector<bool> finished;
    const char* ranges;
  };
  const Case cases[] = {
      {{}, {}, "[]"},
      {{0, 1, 2}, {}, "[[0,3]]"},
      {{0, 1, 2}, {true, true, true}, "[]"},
      {{0, 1, 2}, {false, true}, "[[0,1],[2,3]]"},
      // Lines 0 and 2 have a result.
      {{2, 0, 1, 3}, {true, false, true, false}, "[[2,4]]"},
      {{1, 2, 3, 0}, {true, false, true, false}, "[[0,1],[2,3]]"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(write_ranges(unfinished_ranges(c.order, c.finished)), c.ranges);
}

TEST(BlockRange, where_another_model_begins_is_told) {
  struct Case {
    std::vector<std::uint32_t> order;
    std::vector<std::uint32_t> models;  // of each line
    const char* places;
  };
  const Case cases[] = {
      {{}, {}, "[]"},
      {{0}, {0}, "[]"},
      {{0, 1, 2}, {0, 0, 0}, "[]"},
      {{0, 1, 2}, {0, 1, 2}, "[1,2]"},
      {{0, 2, 1, 3, 4}, {0, 1, 0, 1, 1}, "[2]"},
  };
  for (const Case& c : cases) {
    std::vector<IndexedLine> lines;
    for (const std::uint32_t model : c.models)
      lines.push_back({.model = model});
    EXPECT_EQ(write_places(model_places(c.order, lines)), c.places);
  }
}

}  // namespace
}  // namespace rocket
