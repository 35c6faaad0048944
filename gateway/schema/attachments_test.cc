#include "schema/attachments.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket {
namespace {

using Kind = MediaUrl::Kind;
using Shape = MediaUrl::Shape;

Attachments found_in(std::string_view list) {
  const auto value = parse_json(list);
  EXPECT_TRUE(value.has_value()) << list;
  Attachments found;
  if (value) find_attachments(list, *value, found);
  return found;
}

std::string user(const std::string& parts) {
  return R"([{"role":"user","content":[)" + parts + "]}]";
}

TEST(Attachments, SeesImages) {
  const struct {
    const char* name;
    std::string prompt;
    bool expected;
  } cases[] = {
      {"text", R"([{"role":"user","content":"hi"}])", false},
      {"text about images", R"([{"role":"user","content":"an image_url, \"type\":\"image\""}])",
       false},
      {"parts of text", user(R"({"type":"text","text":"image"})"), false},
      {"an image",
       R"([{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"t"},
          {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}])",
       true},
      {"Anthropic's", user(R"({"type":"image","source":{}})"), true},
      {"Anthropic's, in a tool's result",
       user(R"({"type":"tool_result","content":[{"type":"image","source":{}}]})"), true},
      {"Responses'", user(R"({"type":"input_image"})"), true},
      {"Responses', in a tool's result",
       R"([{"type":"function_call_output","output":[{"type":"input_image","image_url":"data:"}]}])",
       true},
      {"Ollama's", R"([{"role":"user","content":"hi","images":["iVBORw0KGgo="]}])", true},
      {"Ollama's, none", R"([{"role":"user","content":"hi","images":[]}])", false},
      {"without a type", user(R"({"image_url":{"url":"data:image/png;base64,AAAA"}})"), true},
      {"without anything", user(R"({"image_url":{}})"), false},
      {"a type of another kind", user(R"({"type":["image"]})"), false},
      {"messages that are none", R"(["image",1,null,[{"type":"image"}]])", false},
      {"a string", R"("image")", false},
      {"arguments of a tool",
       user(R"({"type":"tool_use","input":{"image_url":"http://a/","type":"image"}})"), false},
      {"nothing", "[]", false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(found_in(c.prompt).images, c.expected) << c.name;
}

struct UrlCase {
  const char* name;
  std::string part;
  std::string_view raw;  // empty: none is found
  Kind kind;
  // What stands there with a PNG, or a PDF, of "AAAA" instead.
  std::string_view fetched;
};

const UrlCase url_cases[] = {
    {"chat", R"({"type":"image_url","image_url":{"url":"https://a/b","detail":"low"}})",
     "https://a/b", Kind::image,
     R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}})"},
    {"chat, as a string", R"({"type":"image_url","image_url":"https://a/b"})", "https://a/b",
     Kind::image, R"({"type":"image_url","image_url":"data:image/png;base64,AAAA"})"},
    {"without a type", R"({"image_url":{"url":"https://a/b"}})", "https://a/b", Kind::image,
     R"({"image_url":{"url":"data:image/png;base64,AAAA"}})"},
    {"of another type", R"({"type":"text","image_url":{"url":"https://a/b"}})", "https://a/b",
     Kind::image, R"({"type":"text","image_url":{"url":"data:image/png;base64,AAAA"}})"},
    {"with escapes", R"({"image_url":{"url":"h\u0074tps:\/\/a\/b"}})", R"(h\u0074tps:\/\/a\/b)",
     Kind::image, R"({"image_url":{"url":"data:image/png;base64,AAAA"}})"},
    {"keys with escapes", R"({"image\u005furl":{"ur\u006c":"https://a/b"}})", "https://a/b",
     Kind::image, R"({"image\u005furl":{"ur\u006c":"data:image/png;base64,AAAA"}})"},
    {"keys in other case", R"({"Image_URL":{"URL":"https://a/b"}})", "https://a/b", Kind::image,
     R"({"Image_URL":{"URL":"data:image/png;base64,AAAA"}})"},
    {"data", R"({"image_url":{"url":"data:image/png;base64,AAAA"}})", "", Kind::image, ""},
    {"data in capitals", R"({"image_url":{"url":"DATA:image/png;base64,AAAA"}})", "", Kind::image,
     ""},
    {"bare base64", R"({"image_url":{"url":"\/9j\/4AAQ"}})", "", Kind::image, ""},
    {"an empty address", R"({"image_url":{"url":""}})", "", Kind::image, ""},
    {"no string", R"({"image_url":{"url":7}})", "", Kind::image, ""},
    {"a file of the server's", R"({"image_url":{"url":"file:///etc/passwd"}})",
     "file:///etc/passwd", Kind::image, R"({"image_url":{"url":"data:image/png;base64,AAAA"}})"},
    {"with a space in front", R"({"image_url":{"url":" http://a/"}})", " http://a/", Kind::image,
     R"({"image_url":{"url":"data:image/png;base64,AAAA"}})"},
    {"without a scheme", R"({"image_url":{"url":"//a/b"}})", "//a/b", Kind::image,
     R"({"image_url":{"url":"data:image/png;base64,AAAA"}})"},
    {"vLLM's video", R"({"type":"video_url","video_url":{"url":"https://a/b"}})", "https://a/b",
     Kind::other, ""},
    {"vLLM's audio", R"({"type":"audio_url","audio_url":{"url":"https://a/b"}})", "https://a/b",
     Kind::other, ""},
    {"sound", R"({"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}})", "",
     Kind::other, ""},
    {"sound by its address", R"({"type":"input_audio","input_audio":{"data":"http://a/"}})",
     "http://a/", Kind::other, ""},
    {"a document", R"({"type":"file","file":{"file_data":"data:application/pdf;base64,JVBE"}})", "",
     Kind::document, ""},
    {"a document's base64", R"({"type":"file","file":{"file_data":"UEsDBBQA"}})", "",
     Kind::document, ""},
    {"a document's id", R"({"type":"file","file":{"file_id":"file-1"}})", "", Kind::document, ""},
    {"a document by its address", R"({"type":"file","file":{"file_data":"https://a/b"}})",
     "https://a/b", Kind::document,
     R"({"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA"}})"},
    {"Responses, an image", R"({"type":"input_image","image_url":"https://a/b"})", "https://a/b",
     Kind::image, R"({"type":"input_image","image_url":"data:image/png;base64,AAAA"})"},
    {"Responses, a file", R"({"type":"input_file", "file_url" : "https://a/b","x":1})",
     "https://a/b", Kind::document,
     R"({"type":"input_file", "file_data":"data:application/pdf;base64,AAAA","x":1})"},
    {"Anthropic, an image",
     R"({"type":"image","source":{"type":"url","url":"https://a/b"},"cache_control":{}})",
     "https://a/b", Kind::image,
     R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"},"cache_control":{}})"},
    {"Anthropic, a document", R"({"source":{"url":"https://a/b"},"type":"document"})",
     "https://a/b", Kind::document,
     R"({"source":{"type":"base64","media_type":"application/pdf","data":"AAAA"},"type":"document"})"},
    {"Anthropic, in a tool's result",
     R"({"type":"tool_result","content":[{"type":"image","source":{"type":"url","url":"https://a/b"}}]})",
     "https://a/b", Kind::image,
     R"({"type":"tool_result","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]})"},
    {"Anthropic, in a document",
     R"({"type":"document","source":{"type":"content","content":[{"type":"image","source":{"url":"https://a/b"}}]}})",
     "https://a/b", Kind::image,
     R"({"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}})"},
    {"Anthropic, base64",
     R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}})", "",
     Kind::image, ""},
    {"a screenshot", R"({"type":"x","output":{"type":"y","image_url":"https://a/b"}})",
     "https://a/b", Kind::image,
     R"({"type":"x","output":{"type":"y","image_url":"data:image/png;base64,AAAA"}})"},
    {"Ollama's", R"({"images":["https://a/b"]})", "https://a/b", Kind::image,
     R"({"images":["AAAA"]})"},
    {"Ollama's base64", R"({"images":["iVBORw0KGgo","Qk0="]})", "", Kind::image, ""},
    {"arguments of a tool", R"({"type":"tool_use","input":{"url":"https://a/b"}})", "", Kind::image,
     ""},
    {"text", R"({"type":"text","text":"https://a/b"})", "", Kind::image, ""},
};

TEST(Attachments, FindsAddressesAndPutsFilesInTheirPlace) {
  for (const UrlCase& c : url_cases) {
    const std::string body = user(c.part);
    const Attachments found = found_in(body);
    ASSERT_EQ(found.urls.size(), c.raw.empty() ? 0U : 1U) << c.name;
    if (c.raw.empty()) continue;
    const MediaUrl& url = found.urls.front();
    EXPECT_EQ(url.raw(body), c.raw) << c.name;
    EXPECT_EQ(url.kind, c.kind) << c.name;
    EXPECT_FALSE(url.field.empty()) << c.name;
    EXPECT_EQ(found.images || url.kind != Kind::image || url.shape == Shape::source, true)
        << c.name;
    if (c.fetched.empty()) continue;
    std::vector<Edit> edits;
    const std::string_view type = url.kind == Kind::image ? "image/png" : "application/pdf";
    append_media_edits({{&url, {type, "AAAA"}}}, edits);
    std::string edited;
    for (const std::string_view piece : splice(body, edits))
      edited += piece;
    EXPECT_EQ(edited, user(std::string(c.fetched))) << c.name;
  }
}

// Of what stands in another's place nothing is left.
TEST(Attachments, OfOneInTheOtherTheOuterCounts) {
  for (const std::string_view source :
       {R"({"url":"http://a/","url":"http://b/"})",
        R"({"url":"http://a/","content":[{"image_url":"http://b/"}]})",
        R"({"content":[{"source":{"url":"http://b/"}}],"url":"http://a/"})"}) {
    const std::string body = user(R"({"type":"image","source":)" + std::string(source) + "}");
    const Attachments found = found_in(body);
    EXPECT_EQ(found.urls.size(), 2U) << source;
    std::vector<PlacedFile> files;
    for (const MediaUrl& url : found.urls)
      files.push_back({&url, {"image/png", "AAAA"}});
    std::vector<Edit> edits;
    append_media_edits(files, edits);
    std::string edited;
    for (const std::string_view piece : splice(body, edits))
      edited += piece;
    EXPECT_EQ(
        edited,
        user(
            R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}})"))
        << source;
  }
}

TEST(Attachments, CountsTurnsAndFindsAll) {
  const std::string body =
      R"([{"role":"system","content":"s"},)"
      R"({"role":"user","content":[{"image_url":"http://a/"},{"image_url":"http://b/"}]},)"
      R"({"role":"user","content":[{"image_url":"http://a/","image_url":"http://c/"}]}])";
  const Attachments found = found_in(body);
  std::string told;
  for (const MediaUrl& url : found.urls)
    told += std::to_string(url.turn) + std::string(url.raw(body)) + ' ';
  // Whichever of two equal keys a server reads.
  EXPECT_EQ(told, "1http://a/ 1http://b/ 2http://a/ 2http://c/ ");
}

TEST(Attachments, TellsNoMoreThanAnybodyNeeds) {
  std::string parts = R"({"image_url":"http://a/"})";
  for (size_t i = 1; i < Attachments::urls_max; ++i)
    parts += R"(,{"image_url":"http://a/"})";
  EXPECT_FALSE(found_in(user(parts)).too_many);
  const Attachments found = found_in(user(parts + R"(,{"image_url":"http://a/"})"));
  EXPECT_TRUE(found.too_many);
  EXPECT_EQ(found.urls.size(), Attachments::urls_max);
}

TEST(Attachments, LooksNoDeeperThanServersDo) {
  std::string part = R"({"image_url":"http://a/"})";
  for (int i = 0; i < 40; ++i)
    part = R"({"content":[)" + part + "]}";
  EXPECT_TRUE(found_in(user(part)).urls.empty());
}

TEST(Attachments, LooksAtOneItemToo) {
  const Attachments found =
      found_in(R"({"role":"user","content":[{"type":"input_image","image_url":"http://a/"}]})");
  EXPECT_EQ(found.urls.size(), 1U);
}

TEST(Attachments, FindsOllamasImagesBesideAPrompt) {
  const std::string images = R"(["iVBORw0KGgo", "http://a/b", "", 7])";
  Attachments found;
  find_images(images, *parse_json(images), found);
  EXPECT_TRUE(found.images);
  ASSERT_EQ(found.urls.size(), 1U);
  EXPECT_EQ(found.urls[0].raw(images), "http://a/b");
}

TEST(Attachments, TellsTypesByTheirFirstBytes) {
  using namespace std::string_view_literals;
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"\x89PNG\r\n\x1a\n\0\0\0\r"sv, "image/png"},
      {"\xff\xd8\xff\xe0\0\x10JFIF"sv, "image/jpeg"},
      {"GIF87a123456"sv, "image/gif"},
      {"GIF89a123456"sv, "image/gif"},
      {"RIFF\1\2\3\4WEBPVP8 "sv, "image/webp"},
      {"RIFF\1\2\3\4WAVEfmt "sv, ""},
      {"RIFF\1\2\3\4WEB"sv, ""},
      {"%PDF-1.7\n%\xe2\xe3"sv, "application/pdf"},
      {"<!DOCTYPE html>"sv, ""},
      {"<svg xmlns=\"h"sv, ""},
      {"{\"token\":\"se"sv, ""},
      {"\x89PNG"sv, ""},
      {""sv, ""},
  };
  for (const auto& [bytes, type] : cases)
    EXPECT_EQ(media_type_of(bytes), type) << bytes;
  EXPECT_TRUE(is_of_kind("image/png", Kind::image));
  EXPECT_FALSE(is_of_kind("image/png", Kind::document));
  EXPECT_TRUE(is_of_kind("application/pdf", Kind::document));
  EXPECT_FALSE(is_of_kind("application/pdf", Kind::image));
  EXPECT_FALSE(is_of_kind("image/png", Kind::other));
}

}  // namespace
}  // namespace rocket
