#include "schema/json_pieces.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(JsonPieces, PutsCommasWhereTheyBelong) {
  JsonPieces out;
  out.open('{').key("a").json("1").key("b").open('[').text({"x"}).quoted("\"");
  out.open('{').close('}').open('[').close(']').close(']').key("c").text_between("p:", "q");
  out.field({"d\\n", "null"}).close('}');
  EXPECT_EQ(out.joined(), R"({"a":1,"b":["x","\"",{},[]],"c":"p:q","d\n":null})");
}

TEST(JsonPieces, PointsToWhatIsLong) {
  const std::string big(5000, 'b');
  const std::string bigger(100000, 'B');
  JsonPieces out;
  out.open('[').text({big}).begin_text();
  out.add_text("x");
  out.add_text(bigger);
  out.end_text();
  out.close(']');
  const auto pieces = out.pieces();
  ASSERT_EQ(pieces.size(), 5U);
  EXPECT_EQ(pieces[0], "[\"");
  EXPECT_EQ(pieces[1].data(), big.data());
  EXPECT_EQ(pieces[2], "\",\"x");
  EXPECT_EQ(pieces[3].data(), bigger.data());
  EXPECT_EQ(pieces[4], "\"]");
  EXPECT_EQ(out.joined(), "[\"" + big + "\",\"x" + bigger + "\"]");
}

TEST(JsonPieces, TwoLongOnesMayTouch) {
  const std::string big(5000, 'b');
  JsonPieces out;
  out.begin_text();
  out.add_text(big);
  out.add_text(big);
  out.end_text();
  EXPECT_EQ(out.joined(), '"' + big + big + '"');
  EXPECT_TRUE(JsonPieces().pieces().empty());
}

}  // namespace
}  // namespace rocket
