#include "store/file_vault.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <utime.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "testing/temporary_folder.h"

namespace rocket {
namespace {

class Vault : public testing::Test {
 protected:
  void write(const std::string& id, const std::string& text) {
    auto writer = vault_.create(id);
    ASSERT_TRUE(writer) << told_;
    ASSERT_TRUE((*writer)->write(text));
    ASSERT_TRUE((*writer)->commit());
    EXPECT_EQ((*writer)->bytes(), text.size());
  }
  [[nodiscard]] std::string read(const std::string& id) {
    const auto reader = vault_.open(id);
    if (!reader) return std::string(to_string(reader.error().code));
    std::string text((*reader)->bytes() + 10, 'x');
    const auto got = (*reader)->read(0, text);
    EXPECT_TRUE(got);
    return text.substr(0, got.value_or(0));
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.file("files")))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  TemporaryFolder folder_;
  std::string told_;
  FileVault vault_{folder_.file("files"), [this](std::string_view what) { told_ += what; }};
};

using Names = std::vector<std::string>;

TEST_F(Vault, KeepsWhatIsWrittenForItsOwnerAlone) {
  EXPECT_FALSE(std::filesystem::exists(folder_.file("files"))) << "nobody has needed it yet";
  write("file-1", "hello");
  EXPECT_EQ(read("file-1"), "hello");
  struct stat found{};
  ASSERT_EQ(::stat(folder_.file("files").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700U);
  ASSERT_EQ(::stat(folder_.file("files/file-1").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  EXPECT_EQ(read("file-2"), "file_not_found");
}

TEST_F(Vault, AFileIsThereWholeOrNotAtAll) {
  {
    auto writer = vault_.create("file-1");
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write("half"));
    EXPECT_EQ(read("file-1"), "file_not_found");
    EXPECT_EQ(names().size(), 1U);
  }
  EXPECT_EQ(names(), Names{}) << "what was given up leaves nothing";
}

TEST_F(Vault, WhatIsRemovedCanBeReadToItsEnd) {
  write("file-1", "hello");
  const auto reader = vault_.open("file-1");
  ASSERT_TRUE(reader);
  EXPECT_TRUE(vault_.remove("file-1"));
  EXPECT_TRUE(vault_.remove("file-1"));
  EXPECT_EQ(read("file-1"), "file_not_found");
  std::string text(3, ' ');
  EXPECT_EQ((*reader)->read(1, text).value(), 3U);
  EXPECT_EQ(text, "ell");
  EXPECT_EQ((*reader)->read(4, text).value(), 1U);
  EXPECT_EQ((*reader)->read(9, text).value(), 0U);
}

TEST_F(Vault, SweepsWhatADeadProcessHasLeftAndNamesWhatIsOld) {
  EXPECT_TRUE(vault_.sweep(0).value().empty()) << "no folder, nothing to do";
  write("file-old", "a");
  write("file-new", "b");
  constexpr std::int64_t long_ago = 1'000'000'000;
  const utimbuf times{long_ago, long_ago};
  ASSERT_EQ(::utime(folder_.file("files/file-old").c_str(), &times), 0);
  std::ofstream(folder_.file("files/.writing-1-0-file-dead")) << "half";
  std::ofstream(folder_.file("files/somebody's notes.txt")) << "not ours";
  auto writer = vault_.create("file-3");
  ASSERT_TRUE(writer);
  EXPECT_EQ(vault_.sweep(long_ago + 1).value(), Names{"file-old"});
  EXPECT_TRUE(vault_.sweep(long_ago).value().empty());
  EXPECT_EQ(names().size(), 4U) << "the dead one's is gone, the living one's is not";
  ASSERT_TRUE((*writer)->write("c"));
  ASSERT_TRUE((*writer)->commit());
  EXPECT_EQ(names(), (Names{"file-3", "file-new", "file-old", "somebody's notes.txt"}));
}

TEST_F(Vault, AFullDiskIsToldApart) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "needs /dev/full";
  write("file-0", "makes the folder");
  const FileVault::Tell tell = [this](std::string_view what) { told_ += what; };
  FileVault::Writer writer(folder_.file("files/.writing-x"), folder_.file("files/x"),
                           OpenFile(::open("/dev/full", O_WRONLY)), tell);
  const auto written = writer.write("more");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::store_full);
  EXPECT_TRUE(told_.contains("No space left")) << told_;
}

TEST_F(Vault, AFolderThatCanNotBeMadeIsAnError) {
  std::ofstream(folder_.file("files")) << "in the way";
  const auto writer = vault_.create("file-1");
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::store_unavailable);
  EXPECT_FALSE(writer.error().detail.contains(folder_.path())) << "clients are told no paths";
  EXPECT_TRUE(told_.contains(folder_.path()));
}

}  // namespace
}  // namespace rocket
