#include "batch/upload_form.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <tuple>

namespace rocket {
namespace {

constexpr std::uint64_t most = 20;

std::string field(std::string_view name, std::string_view text) {
  return "--XX\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" +
         std::string(text) + "\r\n";
}

std::string file(std::string_view text, std::string_view name = "a.jsonl") {
  return "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + std::string(name) +
         "\"\r\n\r\n" + std::string(text) + "\r\n";
}

// What is wrong with the form; empty: nothing.
std::string fault_of(UploadForm& form, std::string_view body, std::string& out) {
  const auto fed = form.feed(body, out);
  if (!fed) return fed.error().detail;
  const auto whole = form.finish();
  return whole ? std::string() : whole.error().detail;
}

TEST(UploadForm, ReadsTheFileAndWhatIsSaidOfIt) {
  const std::string fields = field("purpose", "batch") +
                             field("expires_after[anchor]", "created_at") +
                             field("expires_after[seconds]", "3600") + field("else", "whatever");
  for (const std::string& body : {fields + file("{}\n{}"), file("{}\n{}") + fields}) {
    UploadForm form("XX", most);
    std::string out;
    EXPECT_EQ(fault_of(form, body + "--XX--", out), "");
    EXPECT_EQ(out, "{}\n{}");
    EXPECT_EQ(form.filename(), "a.jsonl");
    EXPECT_EQ(form.purpose(), "batch");
    EXPECT_EQ(form.file_bytes(), 5U);
    EXPECT_EQ(form.expires_at(1000, 60), 4600);
  }
}

TEST(UploadForm, WhenItExpiresMayBeOneFieldOfJson) {
  const std::string asked = field("expires_after", R"({"anchor": "created_at", "seconds": 7200})");
  for (const std::string& body : {asked + file("x"), file("x") + asked}) {
    UploadForm form("XX", most);
    std::string out;
    EXPECT_EQ(fault_of(form, field("purpose", "user_data") + body + "--XX--", out), "");
    EXPECT_EQ(form.expires_at(1000, 60), 8200);
  }
}

TEST(UploadForm, ABatchsFileExpiresByItselfAndOthersDoNot) {
  for (const auto& [purpose, usual, expected] :
       {std::tuple{"batch", 60, 1060}, {"batch", 0, 0}, {"user_data", 60, 0}}) {
    UploadForm form("XX", most);
    std::string out;
    EXPECT_EQ(fault_of(form, field("purpose", purpose) + file("x") + "--XX--", out), "");
    EXPECT_EQ(form.expires_at(1000, usual), expected) << purpose;
  }
}

TEST(UploadForm, SaysWhatIsMissingOrWrong) {
  const std::string purpose = field("purpose", "batch");
  const std::string anchor = field("expires_after[anchor]", "created_at");
  const std::string purposes =
      "`purpose` must be one of assistants, batch, evals, fine-tune, user_data, vision";
  const std::string seconds = "`expires_after[seconds]` must be a number from 3600 to 2592000";
  const std::string seconds_field = field("expires_after[seconds]", "3600");
  const std::string one = R"({"anchor":"created_at","seconds":3600})";
  const std::string expiry =
      R"(`expires_after` must be {"anchor": "created_at", "seconds": N}, with N from )"
      "3600 to 2592000";
  const auto whole = [&](const std::string& json) {
    return purpose + file("x") + field("expires_after", json) + "--XX--";
  };
  const struct {
    std::string body;
    std::string fault;
  } cases[] = {
      {purpose + "--XX--", "the form has no `file`"},
      {purpose + field("file", "x") + "--XX--", "`file` must be a file, with a filename"},
      {purpose + file("") + "--XX--", "`file` is empty"},
      {purpose + file("x") + file("y") + "--XX--", "the form has `file` twice"},
      {purpose + file("x") + purpose + "--XX--", "the form has `purpose` twice"},
      {file("x") + "--XX--", purposes},
      {field("purpose", "batch_output") + file("x"), purposes},
      {file("x") + field("purpose", "Batch") + "--XX--", purposes},
      {purpose + file("x", std::string(513, 'n')), "the name of `file` is longer than 512 bytes"},
      {field("purpose", std::string(1025, 'p')), "a field of the form is longer than 1024 bytes"},
      {purpose + file(std::string(21, 'x')),
       "the file is larger than the 20 bytes that store.file_bytes allows"},
      {purpose + anchor + file("x") + "--XX--", seconds},
      {purpose + anchor + field("expires_after[seconds]", "3599") + file("x") + "--XX--", seconds},
      {purpose + anchor + field("expires_after[seconds]", "1h") + file("x") + "--XX--", seconds},
      {purpose + field("expires_after[seconds]", "3600") + file("x") + "--XX--",
       "`expires_after[anchor]` must be created_at"},
      {whole(R"({"anchor":"created_at","seconds":3599})"), expiry},
      {whole(R"({"anchor":"created_at","seconds":"3600"})"), expiry},
      {whole(R"({"anchor":"created_at"})"), expiry},
      {whole(R"({"anchor":"now","seconds":3600})"), expiry},
      {whole(R"({"seconds":3600})"), expiry},
      {whole("[3600]"), expiry},
      {whole("3600"), expiry},
      {whole(R"({"anchor":"created_at","seconds":3600)"), expiry},
      {seconds_field + whole(one), "the form has `expires_after` twice"},
      {anchor + whole(one), "the form has `expires_after` twice"},
      {field("expires_after", one) + whole(one), "the form has `expires_after` twice"},
      {purpose + file("x"), "malformed multipart body: it ends before its last boundary"},
  };
  for (const auto& c : cases) {
    UploadForm form("XX", most);
    std::string out;
    EXPECT_EQ(fault_of(form, c.body, out), c.fault) << c.body;
  }
}

}  // namespace
}  // namespace rocket
