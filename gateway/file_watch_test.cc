#include "file_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace rocket {
namespace {

class FileWatchTest : public testing::Test {
 protected:
  ~FileWatchTest() override {
    ::unlink(one_.c_str());
    ::unlink(other_.c_str());
  }
  // As careful programs write: another file takes the name.
  static void write(const std::string& path, const std::string& text) {
    const std::string scratch = path + ".new";
    std::ofstream(scratch) << text;
    ASSERT_EQ(std::rename(scratch.c_str(), path.c_str()), 0);
  }

  std::string one_ = testing::TempDir() + "file_watch_test_" + std::to_string(::getpid()) + "_one";
  std::string other_ = one_ + "_other";
};

TEST_F(FileWatchTest, SeesEachChangeOnce) {
  FileWatch watch;
  write(one_, "a");
  write(other_, "b");
  EXPECT_FALSE(watch.changed({one_, other_})) << "what it did not know has not changed";
  EXPECT_FALSE(watch.changed({one_, other_}));
  write(other_, "bb");
  EXPECT_TRUE(watch.changed({one_, other_}));
  EXPECT_FALSE(watch.changed({one_, other_}));
}

TEST_F(FileWatchTest, AFileThatIsGoneMayComeBack) {
  FileWatch watch;
  write(one_, "a");
  EXPECT_FALSE(watch.changed({one_}));
  ::unlink(one_.c_str());
  EXPECT_FALSE(watch.changed({one_}));
  write(one_, "other");
  EXPECT_TRUE(watch.changed({one_}));
}

TEST_F(FileWatchTest, AFileMayAppear) {
  FileWatch watch;
  EXPECT_FALSE(watch.changed({one_}));
  write(one_, "a");
  EXPECT_TRUE(watch.changed({one_}));
}

TEST_F(FileWatchTest, WhatItIsToldOfIsWatchedFromThenOn) {
  FileWatch watch;
  write(one_, "a");
  write(other_, "b");
  watch.know({one_});
  EXPECT_FALSE(watch.changed({one_}));
  write(one_, "aa");
  watch.know({one_, other_});
  EXPECT_TRUE(watch.changed({one_, other_})) << "what is known already has changed all the same";
  watch.know({one_, other_});
  EXPECT_FALSE(watch.changed({one_, other_}));
  write(other_, "bb");
  EXPECT_TRUE(watch.changed({one_, other_}));
}

TEST_F(FileWatchTest, WhatIsNewInTheListHasNotChanged) {
  FileWatch watch;
  write(one_, "a");
  write(other_, "b");
  EXPECT_FALSE(watch.changed({one_}));
  EXPECT_FALSE(watch.changed({one_, other_}));
}

}  // namespace
}  // namespace rocket
