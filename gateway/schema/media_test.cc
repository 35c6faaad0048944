#include "schema/media.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(Media, AUrlLeadsAwayOrIsItself) {
  const struct {
    std::string_view url;
    Media::Source source;
    std::string_view type;
    std::string_view data;
  } cases[] = {
      {"https://example.com/a.png", Media::Source::url, "", "https://example.com/a.png"},
      {"data:image/png;base64,AAAA", Media::Source::base64, "image/png", "AAAA"},
      {R"(data:image\/png;base64,AA\/A)", Media::Source::base64, R"(image\/png)", R"(AA\/A)"},
      {"data:;base64,AAAA", Media::Source::base64, "", "AAAA"},
      {"data:text/plain,hello", Media::Source::url, "", "data:text/plain,hello"},
      {"", Media::Source::url, "", ""},
  };
  for (const auto& one : cases) {
    const Media media = media_of_url({one.url});
    EXPECT_EQ(media.source, one.source) << one.url;
    EXPECT_EQ(media.type.inside, one.type) << one.url;
    EXPECT_EQ(media.data.inside, one.data) << one.url;
  }
}

TEST(Media, AFileOfTextIsThatText) {
  KeptTexts kept;
  const struct {
    std::string_view url;
    Media::Source source;
    std::string_view data;
  } cases[] = {
      {"data:text/plain;base64,SGkKw6Qi", Media::Source::text, R"(Hi\nä\")"},
      {R"(data:text\/csv;base64,YSxiCg)", Media::Source::text, R"(a,b\n)"},
      {"data:application/json;charset=utf-8;base64,e30=", Media::Source::text, "{}"},
      {"data:text/plain;base64,/w==", Media::Source::base64, "/w=="},  // is not UTF-8
      {"data:text/plain;base64,A", Media::Source::base64, "A"},
      {"data:application/pdf;base64,JVBERi0x", Media::Source::base64, "JVBERi0x"},
      {"https://example.com/a.txt", Media::Source::url, "https://example.com/a.txt"},
  };
  for (const auto& one : cases) {
    const Media media = media_of_file({one.url}, kept);
    EXPECT_EQ(media.source, one.source) << one.url;
    EXPECT_EQ(media.data.inside, one.data) << one.url;
  }
}

TEST(Media, IsWrittenAsAUrlThatReadsTheSame) {
  for (const std::string_view url : {"https://example.com/a.png", "data:image/png;base64,AAAA"}) {
    JsonPieces out;
    write_media_url(media_of_url({url}), out);
    EXPECT_EQ(out.joined(), '"' + std::string(url) + '"');
  }
}

TEST(Media, TellsATypeByItsFirstBytes) {
  const struct {
    std::string_view data;
    std::string_view type;
  } cases[] = {{"iVBORw0KGgoAAA", "image/png"},
               {"/9j/4AAQ", "image/jpeg"},
               {R"(\/9j\/4AAQ)", "image/jpeg"},
               {"R0lGODlh", "image/gif"},
               {"UklGRiQA", "image/webp"},
               {"JVBERi0x", "application/pdf"},
               {"AAAA", ""}};
  for (const auto& one : cases)
    EXPECT_EQ(media_type({Media::Source::base64, {}, {one.data}}).inside, one.type) << one.data;
  EXPECT_EQ(media_type({Media::Source::base64, {"x/y"}, {"iVBORw0KGgo"}}).inside, "x/y");
  EXPECT_EQ(found_media_type({Media::Source::base64, {"x/y"}, {"iVBORw0KGgo"}}).inside,
            "image/png");
  EXPECT_EQ(found_media_type({Media::Source::base64, {"x/y"}, {"AAAA"}}).inside, "x/y");
}

}  // namespace
}  // namespace rocket
