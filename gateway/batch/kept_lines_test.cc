#include "batch/kept_lines.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

struct Line {
  std::uint32_t model;
  std::size_t places;
};

TEST(KeptLines, of_each_model_what_may_be_asked_of_it_and_not_too_many_of_all) {
  struct Case {
    const char* what;
    std::size_t most;
    std::vector<Line> lines;
    std::string kept;  // y or n for each
  };
  const std::vector<Case> cases{
      {"none of a model that is held", 4, {{0, 0}, {0, 0}}, "nn"},
      {"as many as there are places", 4, {{0, 2}, {0, 2}, {0, 2}}, "yyn"},
      {"each model for itself", 4, {{0, 1}, {1, 1}, {0, 1}, {2, 0}, {1, 1}}, "yynnn"},
      {"never more than so many", 2, {{0, 9}, {0, 9}, {0, 9}, {1, 9}}, "yynn"},
      {"what is not kept takes no room", 1, {{0, 0}, {1, 1}, {2, 1}}, "nyn"},
      {"no room", 0, {{0, 1}}, "n"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    KeptLines lines(each.most);
    std::string kept;
    for (const Line& line : each.lines)
      kept += lines.keep(line.model, line.places) ? 'y' : 'n';
    EXPECT_EQ(kept, each.kept);
  }
}

}  // namespace
}  // namespace rocket
