#include "wire/multipart.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace rocket {
namespace {

struct Part {
  PartHead head;
  std::string text;
  bool whole = false;

  bool operator==(const Part&) const = default;
};

struct Reading {
  std::vector<Part> parts;
  std::string error;

  bool operator==(const Reading&) const = default;
};

// What is found when the body comes in pieces of so many bytes.
Reading read_in_pieces(std::string_view boundary, std::string_view body, size_t bytes) {
  Reading reading;
  MultipartReader reader(boundary);
  const auto found_error = [&](const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::bad_request);
    reading.error = error.detail.substr(error.detail.find(": ") + 2);
    return reading;
  };
  while (!body.empty()) {
    // A piece of its own, so that nothing is looked at that has not come yet.
    const std::string piece(body.substr(0, bytes));
    body.remove_prefix(piece.size());
    std::string_view left = piece;
    while (true) {
      const auto found = reader.next(left);
      if (!found) return found_error(found.error());
      if (*found == MultipartReader::Found::more) break;
      if (*found == MultipartReader::Found::part) reading.parts.push_back({reader.head(), {}});
      if (*found == MultipartReader::Found::bytes) reading.parts.back().text += reader.text();
      if (*found == MultipartReader::Found::end) reading.parts.back().whole = true;
    }
  }
  const auto whole = reader.finish();
  if (!whole) return found_error(whole.error());
  return reading;
}

// The same, however it is split.
Reading read_form(std::string_view boundary, std::string_view body) {
  Reading whole = read_in_pieces(boundary, body, body.size());
  for (const size_t bytes : {1U, 2U, 3U, 5U, 7U, 16U, 61U}) {
    const Reading pieces = read_in_pieces(boundary, body, bytes);
    EXPECT_EQ(pieces.error, whole.error) << bytes << " bytes at once:\n" << body;
    if (whole.error.empty()) {
      EXPECT_EQ(pieces, whole) << bytes << " bytes at once:\n" << body;
    }
  }
  return whole;
}

TEST(Multipart, KnowsItsBoundary) {
  const struct {
    const char* type;
    const char* boundary;  // null: none
  } cases[] = {
      {"multipart/form-data; boundary=abc", "abc"},
      {"Multipart/Form-Data;BOUNDARY=\"a b\"", "a b"},
      {"multipart/form-data; charset=utf-8; boundary=----WebKit7MA4", "----WebKit7MA4"},
      {"multipart/form-data; boundary=abc;", "abc"},
      {"multipart/form-data; boundary = abc ; x=\"y;boundary=z\"", "abc"},
      {"multipart/form-data", nullptr},
      {"multipart/form-data; boundary=", nullptr},
      {"multipart/form-data; boundary=\"\"", nullptr},
      {"multipart/form-data; boundary=\"abc", nullptr},
      {"multipart/form-data; boundary=a; boundary=b", nullptr},
      {"multipart/form-data; boundary=\"a \"", nullptr},
      {"multipart/form-data; boundary=a\"b", nullptr},
      {"multipart/form-data; boundary=\xc3\xa4", nullptr},
      {"multipart/mixed; boundary=abc", nullptr},
      {"application/json", nullptr},
      {"", nullptr},
  };
  for (const auto& c : cases) {
    const auto boundary = multipart_boundary(c.type);
    EXPECT_EQ(boundary.has_value(), c.boundary != nullptr) << c.type;
    if (boundary && c.boundary != nullptr) {
      EXPECT_EQ(*boundary, c.boundary);
    }
  }
  EXPECT_TRUE(multipart_boundary("multipart/form-data; boundary=" + std::string(70, 'b')));
  EXPECT_FALSE(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'b')));
}

TEST(Multipart, ReadsAForm) {
  const Reading reading =
      read_form("XX",
                "--XX\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
                "--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\" "
                "%22c%22.jsonl\""
                "\r\nContent-Type: application/octet-stream\r\n\r\n{}\r\n{}\n\r\n--XX--\r\n");
  EXPECT_EQ(reading.error, "");
  EXPECT_EQ(reading.parts,
            (std::vector<Part>{{{"purpose", std::nullopt}, "batch", true},
                               {{"file", "a \"b\" \"c\".jsonl"}, "{}\r\n{}\n", true}}));
}

TEST(Multipart, WhatLooksLikeABoundaryIsContent) {
  const std::string text = "\r\n--X\r\n-XX\r\r\n--XY--\r\n--\r\r\n\r\n\n--XX\r";
  const Reading reading =
      read_form("XX", "preamble\r\n--XX\r\nContent-Disposition: form-data; name=f\r\n\r\n" + text +
                          "\r\n--XX--and what is behind it\r\n--XX\r\n");
  EXPECT_EQ(reading.error, "");
  EXPECT_EQ(reading.parts, (std::vector<Part>{{{"f", std::nullopt}, text, true}}));
}

TEST(Multipart, PartsMayBeEmptyAndBoundariesPadded) {
  const Reading reading = read_form(
      "XX",
      "--XX \t\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--XX\r\nX-More: 1\r\n"
      "Content-Transfer-Encoding: binary\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nb"
      "\r\n--XX--");
  EXPECT_EQ(reading.error, "");
  EXPECT_EQ(reading.parts,
            (std::vector<Part>{{{"a", std::nullopt}, "", true}, {{"", std::nullopt}, "b", true}}));
}

TEST(Multipart, RefusesWhatIsNone) {
  const std::string part = "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n";
  const struct {
    std::string body;
    const char* error;
  } cases[] = {
      {"", "it ends before its last boundary"},
      {"--XX", "it ends before its last boundary"},
      {part + "text", "it ends before its last boundary"},
      {part + "text\r\n--XX", "it ends before its last boundary"},
      {part + "text\r\n--XX-", "it ends before its last boundary"},
      {part + "text\r\n--XX\r\n", "it ends before its last boundary"},
      {"{\"purpose\":\"batch\"}", "it ends before its last boundary"},
      {"--XXY\r\n", "something stands behind a boundary"},
      {"--XX\n", "something stands behind a boundary"},
      {"--XX\r\r\n", "something stands behind a boundary"},
      {"--XX -\r\n", "something stands behind a boundary"},
      {"--XX-\r\n", "something stands behind a boundary"},
      {"--XX" + std::string(100, ' '), "something stands behind a boundary"},
      {"--XX\r\n\r\ntext", "a part without a name"},
      {"--XX\r\nContent-Type: text/plain\r\n\r\n", "a part without a name"},
      {"--XX\r\nContent-Disposition: form-data\r\n\r\n", "a part without a name"},
      {"--XX\r\nContent-Disposition: form-data; filename=a\r\n\r\n", "a part without a name"},
      {"--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n", "a part without a name"},
      {"--XX\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n", "a part without a name"},
      {"--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n",
       "a part has one Content-Disposition, form-data"},
      {"--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b"
       "\r\n\r\n",
       "a part has one Content-Disposition, form-data"},
      {"--XX\r\nContent-Disposition: form-data; name=a\n\n", "a line without CR"},
      {"--XX\r\nno colon\r\n\r\n", "a header line of a part"},
      {"--XX\r\nA: b\r\n folded\r\n\r\n", "a header line of a part"},
      {"--XX\r\nA: b\rc\r\n\r\n", "a control character in a header line"},
      {"--XX\r\nContent-Transfer-Encoding: base64\r\n\r\n",
       "send parts as they are, without a transfer encoding"},
      {"--XX\r\nA: " + std::string(MultipartReader::header_bytes_max, 'b'),
       "the header lines of a part are too long"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(read_form("XX", c.body).error, c.error) << c.body;
}

TEST(Multipart, HasSoManyParts) {
  std::string body;
  const std::string part = "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
  for (size_t i = 0; i < MultipartReader::parts_max; ++i)
    body += part;
  EXPECT_EQ(read_form("XX", body + "--XX--").error, "");
  EXPECT_EQ(read_form("XX", body + part + "--XX--").error, "too many parts");
}

}  // namespace
}  // namespace rocket
