#include "telemetry/receipt_book.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket {
namespace {

using namespace std::chrono_literals;

Receipt* open(ReceiptBook& book, std::string_view id) {
  return book.open({id, "chat_completions", TimePoint(1h)});
}

TEST(ReceiptBook, FindsThoseUnderWayAndThoseThatEndedLast) {
  ReceiptBook book(3);
  Receipt* const a = open(book, "a");
  Receipt* const b = open(book, "b");
  Receipt* const c = open(book, "c");
  EXPECT_TRUE(book.find("a")->under_way);
  EXPECT_EQ(open(book, "d"), nullptr) << "all places are taken";
  book.close(*b);
  book.close(*a);
  EXPECT_FALSE(book.find("b")->under_way);
  EXPECT_NE(open(book, "d"), nullptr);
  EXPECT_EQ(book.find("b"), nullptr) << "it ended longest ago";
  EXPECT_NE(book.find("a"), nullptr);
  EXPECT_NE(open(book, "e"), nullptr);
  EXPECT_EQ(book.find("a"), nullptr);
  EXPECT_EQ(open(book, "f"), nullptr);
  EXPECT_EQ(book.find("c"), c);
  EXPECT_EQ(book.find("f"), nullptr);
}

TEST(ReceiptBook, OfARepeatedIdTheNewestIsFound) {
  ReceiptBook book(4);
  Receipt* const first = open(book, "same");
  Receipt* const second = open(book, "same");
  book.close(*second);
  EXPECT_EQ(book.find("same"), second);
  book.close(*first);
  EXPECT_EQ(book.find("same"), second) << "what counts is which began last";
}

TEST(ReceiptBook, GoesRoundForEver) {
  ReceiptBook book(2);
  for (int i = 0; i < 1000; ++i) {
    const std::string id = std::to_string(i);
    Receipt* const one = open(book, id);
    ASSERT_NE(one, nullptr);
    EXPECT_EQ(one->candidates(), 0U);
    one->look_at({"a/0", 1, "busier"});
    book.close(*one);
    EXPECT_EQ(book.find(std::to_string(i - 1)) != nullptr, i > 0);
    EXPECT_EQ(book.find(std::to_string(i - 2)), nullptr);
  }
}

}  // namespace
}  // namespace rocket
