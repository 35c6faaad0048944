#include "testing/postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "base/assert.h"
#include "store/postgres_connection.h"

namespace rocket {
namespace {

// Where Debian has them, the newest version first.
std::string find_programs() {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    const std::string folder = version.path().string() + "/bin";
    if (std::filesystem::exists(folder + "/initdb", ignored)) found.push_back(folder);
  }
  std::ranges::sort(found);
  return found.empty() ? std::string() : found.back();
}

// Postgres refuses to be root.
const passwd* other_user() {
  if (::geteuid() != 0) return nullptr;
  const passwd* const user = ::getpwnam("postgres");
  return user != nullptr ? user : ::getpwnam("nobody");
}

// Starts a program whose words go to `out`; it ends with this process.
pid_t start_program(const std::vector<std::string>& words, int out) {
  std::vector<char*> arguments;
  for (const std::string& word : words)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const passwd* const user = other_user();
  const pid_t process = ::fork();
  if (process != 0) return process;
  if (user != nullptr) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 ||
        ::setuid(user->pw_uid) != 0) {
      ::_exit(1);
    }
  }
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

bool run_program(const std::vector<std::string>& words) {
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const pid_t process = start_program(words, null);
  ::close(null);
  int status = 0;
  ::waitpid(process, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() : programs_(find_programs()) {
  if (programs_.empty()) {
    missing_ = "Postgres is not installed: ./dev setup test";
    return;
  }
  if (const passwd* const user = other_user()) {
    ROCKET_ASSERT(::chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) == 0);
  }
  if (!run_program({programs_ + "/initdb", "--pgdata=" + folder_.file("data"), "--auth=trust",
                    "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"})) {
    missing_ = "initdb failed";
    return;
  }
  start();
}

PostgresServer::~PostgresServer() {
  kill();
}

void PostgresServer::start() {
  std::array<int, 2> ends{};
  ROCKET_ASSERT(::pipe2(ends.data(), O_CLOEXEC) == 0);
  said_ = ends[0];
  process_ = start_program(
      {programs_ + "/postgres", "-D", folder_.file("data"), "-k", folder_.path(), "-c",
       "listen_addresses=", "-c", "max_connections=20", "-c", "log_min_messages=log"},
      ends[1]);
  ::close(ends[1]);
  std::string said;
  std::array<char, 4096> some{};
  while (!said.contains("ready to accept connections")) {
    const ssize_t got = ::read(said_, some.data(), some.size());
    if (got <= 0) {
      missing_ = "Postgres ended: " + said;
      return;
    }
    said.append(some.data(), static_cast<size_t>(got));
  }
}

void PostgresServer::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGQUIT);  // immediate: its children end at once, nothing is written
  ::waitpid(process_, nullptr, 0);
  ::close(said_);
  process_ = said_ = -1;
}

std::string PostgresServer::url(const std::string& database) const {
  return "postgresql://postgres@/" + database + "?host=" + folder_.path();
}

std::string PostgresServer::make_database() {
  auto connection = PostgresConnection::open({.url = url("postgres")});
  ROCKET_ASSERT(connection);
  const std::string name = "test_" + std::to_string(++databases_);
  ROCKET_ASSERT((*connection)->run("CREATE DATABASE " + name, {}));
  return url(name);
}

}  // namespace rocket
