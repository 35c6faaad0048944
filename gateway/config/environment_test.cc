#include "config/environment.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace rocket {
namespace {

TEST(ReadFile, ReadsWholeFilesUpToItsLimit) {
  const std::string path = testing::TempDir() + "rocket_read_file_test";
  const auto write = [&](size_t bytes) {
    std::ofstream(path, std::ios::binary) << std::string(bytes, 'x');
  };
  constexpr size_t limit = size_t{4} * 1024 * 1024;
  write(limit);
  EXPECT_EQ(read_file(path), std::string(limit, 'x'));
  write(limit + 1);
  EXPECT_EQ(read_file(path).error().detail, "is larger than 4 MiB");
  write(0);
  EXPECT_EQ(read_file(path), "");
  std::remove(path.c_str());
  EXPECT_EQ(read_file(path).error().detail, "can not be read: No such file or directory");
  EXPECT_EQ(read_file(testing::TempDir()).error().detail, "can not be read: Is a directory");
}

TEST(EnvironmentVariable, IsOneThatIsSet) {
  ASSERT_EQ(setenv("ROCKET_ENVIRONMENT_TEST", "", 1), 0);
  EXPECT_EQ(environment_variable("ROCKET_ENVIRONMENT_TEST"), "");
  ASSERT_EQ(unsetenv("ROCKET_ENVIRONMENT_TEST"), 0);
  EXPECT_EQ(environment_variable("ROCKET_ENVIRONMENT_TEST"), std::nullopt);
}

}  // namespace
}  // namespace rocket
