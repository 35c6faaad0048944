#include "schema/citations.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using Kind = Citation::Kind;

Citation read(Dialect dialect, std::string_view json) {
  const auto parsed = parse_json(json);
  EXPECT_TRUE(parsed) << json;
  const auto citation = read_citation(dialect, *parsed);
  EXPECT_TRUE(citation) << json;
  return citation.value_or(Citation{});
}

constexpr std::string_view web =
    R"({"type":"web_search_result_location","cited_text":"Grass is green.",)"
    R"("url":"https://a.example/g","title":"Grass","encrypted_index":"c2Vh"})";
constexpr std::string_view unsealed =
    R"({"type":"web_search_result_location","cited_text":"q","url":"https://a","title":"A",)"
    R"("encrypted_index":""})";
constexpr std::string_view found =
    R"({"type":"search_result_location","cited_text":"q","source":"https://a.example/f",)"
    R"("title":null,"search_result_index":1,"start_block_index":2,"end_block_index":3})";
constexpr std::string_view shelf =
    R"({"type":"search_result_location","cited_text":"q","source":"shelf 3",)"
    R"("title":"S","search_result_index":1,"start_block_index":2,"end_block_index":3})";
constexpr std::string_view letters =
    R"({"type":"char_location","cited_text":"q","document_title":"D","document_index":1,)"
    R"("start_char_index":2,"end_char_index":3,"file_id":"file-9"})";
constexpr std::string_view pages =
    R"({"type":"page_location","cited_text":"q","document_title":null,"document_index":1,)"
    R"("start_page_number":2,"end_page_number":3})";
constexpr std::string_view blocks =
    R"({"type":"content_block_location","cited_text":"q","document_title":"D",)"
    R"("document_index":1,"start_block_index":2,"end_block_index":3})";
constexpr std::string_view url =
    R"({"type":"url_citation","url":"https://a.example/g","title":"Grass","start_index":2,)"
    R"("end_index":4})";
constexpr std::string_view chat_url =
    R"({"type":"url_citation","url_citation":{"url":"https://a.example/g","title":"Grass",)"
    R"("start_index":2,"end_index":4}})";
constexpr std::string_view file =
    R"({"type":"file_citation","file_id":"file-1","filename":"a.txt","index":7})";
constexpr std::string_view path = R"({"type":"file_path","file_id":"file-1","index":7})";

TEST(Citations, AreReadAsTheDialectHasThem) {
  const struct {
    Dialect dialect;
    std::string_view json;
    Kind kind;
    std::string_view source, title, quote, file, sealed, numbers;
  } cases[] = {
      {Dialect::anthropic, web, Kind::web, "https://a.example/g", "Grass", "Grass is green.", "",
       "c2Vh", "//"},
      {Dialect::anthropic, found, Kind::search_result, "https://a.example/f", "", "q", "", "",
       "1/2/3"},
      {Dialect::anthropic, letters, Kind::characters, "", "D", "q", "file-9", "", "1/2/3"},
      {Dialect::anthropic, pages, Kind::pages, "", "", "q", "", "", "1/2/3"},
      {Dialect::anthropic, blocks, Kind::blocks, "", "D", "q", "", "", "1/2/3"},
      {Dialect::anthropic, url, Kind::foreign, "", "", "", "", "", "//"},
      {Dialect::responses, url, Kind::web, "https://a.example/g", "Grass", "", "", "", "//"},
      {Dialect::responses, file, Kind::file, "", "a.txt", "", "file-1", "", "7//"},
      {Dialect::responses, path, Kind::foreign, "", "", "", "", "", "//"},
      {Dialect::chat, chat_url, Kind::web, "https://a.example/g", "Grass", "", "", "", "//"},
      // As some servers write it.
      {Dialect::chat, url, Kind::web, "https://a.example/g", "Grass", "", "", "", "//"},
      {Dialect::chat, "{}", Kind::foreign, "", "", "", "", "", "//"},
  };
  for (const auto& one : cases) {
    const Citation citation = read(one.dialect, one.json);
    EXPECT_EQ(citation.kind, one.kind) << one.json;
    EXPECT_EQ(citation.source.inside, one.source) << one.json;
    EXPECT_EQ(citation.title.inside, one.title) << one.json;
    EXPECT_EQ(citation.quote.inside, one.quote) << one.json;
    EXPECT_EQ(citation.file.inside, one.file) << one.json;
    EXPECT_EQ(citation.sealed.inside, one.sealed) << one.json;
    EXPECT_EQ(std::string(citation.which) + "/" + std::string(citation.begin) + "/" +
                  std::string(citation.end),
              one.numbers)
        << one.json;
    EXPECT_EQ(citation.json, one.json);
  }
  EXPECT_EQ(read(Dialect::responses, url).span, (TextSpan{2, 4}));
  EXPECT_EQ(read(Dialect::chat, chat_url).span, (TextSpan{2, 4}));
  EXPECT_FALSE(read_citation(Dialect::chat, {JsonKind::string, "\"x\""}));
}

TEST(Citations, OfNoPlaceAreOfAllOfTheText) {
  for (const std::string_view place :
       {R"("start_index":-1,"end_index":4)", R"("start_index":5,"end_index":4)",
        R"("start_index":"0","end_index":4)", R"("end_index":4)"}) {
    const std::string json =
        R"({"type":"url_citation","url":"https://a","title":"A",)" + std::string(place) + "}";
    EXPECT_FALSE(read(Dialect::responses, json).span) << json;
  }
}

std::vector<Part> two_texts() {
  return {{.text = {R"(\u00fc\ud83d\ude00)"}},
          {.kind = Part::Kind::image},
          {.text = {"abc"}},
          {.text = {"def"}}};
}

TEST(Citations, OfAMessageAreOfTheTextThatTheyBeginIn) {
  const struct {
    std::string_view place;
    size_t part;
    std::optional<TextSpan> span;
  } cases[] = {
      {R"("start_index":0,"end_index":2)", 0, TextSpan{0, 2}},
      {R"("start_index":2,"end_index":3)", 2, TextSpan{0, 1}},
      {R"("start_index":1,"end_index":4)", 0, TextSpan{1, 4}},
      {R"("start_index":6,"end_index":6)", 3, TextSpan{1, 1}},
      {R"("start_index":90,"end_index":99)", 3, TextSpan{85, 94}},
      {R"("start_index":-1,"end_index":99)", 0, std::nullopt},
  };
  for (const auto& one : cases) {
    std::vector<Part> parts = two_texts();
    const std::string json = R"([{"type":"url_citation","url_citation":{"url":"https://a",)" +
                             std::string(one.place) + "}}]";
    EXPECT_TRUE(take_annotations({JsonKind::array, json}, parts));
    ASSERT_EQ(parts[one.part].citations.size(), 1U) << one.place;
    EXPECT_EQ(parts[one.part].citations[0].span, one.span) << one.place;
  }
  std::vector<Part> parts = two_texts();
  EXPECT_FALSE(take_annotations({JsonKind::array, "[]"}, parts));
  EXPECT_FALSE(take_annotations({JsonKind::array, "[1]"}, parts));
  EXPECT_FALSE(take_annotations({JsonKind::null, "null"}, parts));
  std::vector<Part> none{{.kind = Part::Kind::refusal}};
  EXPECT_FALSE(take_annotations({JsonKind::array, "[{}]"}, none));
}

TEST(Citations, AreTakenFromWhatOnlyTheirDialectKnows) {
  std::vector<Part> parts{
      {.text = {"x"}, .extra = {{"citations", "[{},{}]"}, {"annotations", "[{}]"}}},
      {.text = {"x"}, .extra = {{"citations", "null"}}},
      {.text = {"x"}, .extra = {{"citations", R"({"enabled":true})"}}},
      {.kind = Part::Kind::document, .extra = {{"citations", "[{}]"}}},
  };
  take_citations(Dialect::anthropic, parts);
  EXPECT_EQ(parts[0].citations.size(), 2U);
  ASSERT_EQ(parts[0].extra.size(), 1U);
  EXPECT_EQ(parts[0].extra[0].key, "annotations");
  for (size_t i = 1; i < parts.size(); ++i) {
    EXPECT_TRUE(parts[i].citations.empty()) << i;
    EXPECT_EQ(parts[i].extra.size(), 1U) << i;
  }
  take_citations(Dialect::responses, parts);
  EXPECT_EQ(parts[0].citations.size(), 3U);
}

// What a text of five characters says in another dialect of where it is from.
std::string written(Dialect from, std::string_view json, Dialect to, bool answer,
                    TranslationLoss& loss) {
  Part part{.text = {"gr\xC3\xBC"
                     "ne"}};
  part.citations.push_back(read(from, json));
  const std::vector<Citation> told = told_citations(part, {from, to, answer, loss});
  JsonPieces out;
  if (to == Dialect::anthropic) {
    write_anthropic_citations(told, part.text, out);
  } else {
    write_annotations(to, told, part.text, 10, out);
  }
  return out.joined();
}

constexpr std::string_view placed =
    R"({"type":"url_citation","url":"https://a.example/g","title":"Grass","start_index":10,)"
    R"("end_index":15})";

TEST(Citations, AreWrittenAsTheOtherDialectHasThem) {
  constexpr std::string_view chat_placed =
      R"({"type":"url_citation","url_citation":{"url":"https://a.example/g","title":"Grass",)"
      R"("start_index":10,"end_index":15}})";
  constexpr std::string_view chat_inside =
      R"({"type":"url_citation","url_citation":{"url":"https://a.example/g","title":"Grass",)"
      R"("start_index":12,"end_index":14}})";
  constexpr std::string_view quoted =
      "{\"type\":\"web_search_result_location\",\"cited_text\":\"\xC3\xBCn\","
      "\"url\":\"https://a.example/g\",\"title\":\"Grass\",\"encrypted_index\":\"\"}";
  const struct {
    Dialect from;
    std::string_view json;
    Dialect to;
    std::string_view answer;  // and what is lost of it
    std::string_view answer_loss;
    std::string_view request;
    std::string_view request_loss;
  } cases[] = {
      {Dialect::anthropic, web, Dialect::anthropic, web, "", web, ""},
      {Dialect::anthropic, unsealed, Dialect::anthropic, unsealed, "", "", "dropped=citations"},
      {Dialect::anthropic, web, Dialect::chat, chat_placed, "emulated=citations", "",
       "dropped=citations"},
      {Dialect::anthropic, web, Dialect::responses, placed, "emulated=citations", placed,
       "emulated=citations"},
      {Dialect::anthropic, web, Dialect::ollama, "", "dropped=citations", "", "dropped=citations"},
      {Dialect::anthropic, found, Dialect::responses,
       R"({"type":"url_citation","url":"https://a.example/f","title":"","start_index":10,)"
       R"("end_index":15})",
       "emulated=citations",
       R"({"type":"url_citation","url":"https://a.example/f","title":"","start_index":10,)"
       R"("end_index":15})",
       "emulated=citations"},
      {Dialect::anthropic, shelf, Dialect::responses, "", "dropped=citations", "",
       "dropped=citations"},
      {Dialect::anthropic, letters, Dialect::responses,
       R"({"type":"file_citation","file_id":"file-9","filename":"D","index":15})",
       "emulated=citations", "", "dropped=citations"},
      {Dialect::anthropic, letters, Dialect::chat, "", "dropped=citations", "",
       "dropped=citations"},
      {Dialect::anthropic, pages, Dialect::responses, "", "dropped=citations", "",
       "dropped=citations"},
      {Dialect::responses, url, Dialect::responses, url, "", url, ""},
      {Dialect::responses, path, Dialect::responses, path, "", path, ""},
      {Dialect::responses, url, Dialect::chat, chat_inside, "", "", "dropped=citations"},
      {Dialect::responses, file, Dialect::chat, "", "dropped=citations", "", "dropped=citations"},
      {Dialect::responses, url, Dialect::anthropic, quoted, "emulated=citations", "",
       "dropped=citations"},
      {Dialect::responses, file, Dialect::anthropic, "", "dropped=citations", "",
       "dropped=citations"},
      {Dialect::chat, chat_url, Dialect::chat, chat_url, "", chat_url, ""},
      {Dialect::chat, chat_url, Dialect::anthropic, quoted, "emulated=citations", "",
       "dropped=citations"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(std::string(one.json) + " to " + std::string(to_string(one.to)));
    TranslationLoss answered;
    EXPECT_EQ(written(one.from, one.json, one.to, true, answered), one.answer);
    EXPECT_EQ(answered.to_string(), one.answer_loss);
    TranslationLoss asked;
    EXPECT_EQ(written(one.from, one.json, one.to, false, asked), one.request);
    EXPECT_EQ(asked.to_string(), one.request_loss);
  }
}

TEST(Citations, AreNowhereBeyondTheText) {
  const TextSpan text{10, 15};
  const struct {
    std::optional<TextSpan> span;
    std::string_view place;
  } cases[] = {
      {std::nullopt, R"("start_index":10,"end_index":15})"},
      {TextSpan{1, 3}, R"("start_index":11,"end_index":13})"},
      {TextSpan{3, 9}, R"("start_index":13,"end_index":15})"},
      {TextSpan{8, 9}, R"("start_index":15,"end_index":15})"},
  };
  for (const auto& one : cases) {
    JsonPieces out;
    const Citation citation{.kind = Kind::web, .source = {"https://a"}, .span = one.span};
    write_annotation(Dialect::responses, citation, text, out);
    EXPECT_TRUE(out.joined().ends_with(one.place)) << out.joined();
  }
}

TEST(Citations, QuoteNoMoreThanAnthropicDoes) {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += "\xC3\xBC";
  Citation page{.kind = Kind::web, .source = {"https://a"}, .span = TextSpan{10, 190}};
  JsonPieces out;
  write_anthropic_citations({page}, {text}, out);
  EXPECT_TRUE(out.joined().contains("\"cited_text\":\"" + text.substr(0, 300) + "\""));
  page.quote = {"own words"};
  JsonPieces own;
  write_anthropic_citations({page}, {text}, own);
  EXPECT_TRUE(own.joined().contains(R"("cited_text":"own words")"));
}

// Every kind of Anthropic's is written as it has been read, also without what was read.
TEST(Citations, OfAnthropicAreWhole) {
  for (const std::string_view json : {web, found, shelf, letters, pages, blocks}) {
    Citation citation = read(Dialect::anthropic, json);
    citation.json = {};
    JsonPieces out;
    write_anthropic_citation(citation, citation.quote, out);
    const std::string text = out.joined();
    const Citation again = read(Dialect::anthropic, text);
    EXPECT_EQ(again.kind, citation.kind);
    EXPECT_EQ(again.source.inside, citation.source.inside);
    EXPECT_EQ(again.title.inside, citation.title.inside);
    EXPECT_EQ(again.quote.inside, citation.quote.inside);
    EXPECT_EQ(again.sealed.inside, citation.sealed.inside);
    EXPECT_EQ(again.file.inside, citation.file.inside);
    EXPECT_EQ(again.which, citation.which);
    EXPECT_EQ(again.begin, citation.begin);
    EXPECT_EQ(again.end, citation.end);
  }
}

}  // namespace
}  // namespace rocket
