#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "config/documentation.h"
#include "config/read_config.h"
#include "config/url.h"
#include "serve.h"

namespace {

constexpr int exit_usage = 2;

int check(const std::string& path) {
  const rocket::ConfigReading reading = rocket::read_config_file(path);
  for (const rocket::Problem& problem : reading.problems) {
    std::cout << rocket::format_problem(problem) << '\n';
  }
  if (!reading.ok()) return 1;
  std::cout << path << ": ok\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Rocket: one endpoint in front of the model servers you own"};
  app.require_subcommand(1);

  rocket::ServeOptions serving;
  std::string admin;
  CLI::App* serve = app.add_subcommand("serve", "Run the gateway");
  serve->add_option("--config", serving.config_path,
                    "Configuration file; without one ./rocket.yaml, else local servers are found");
  serve->add_option("--admin", admin, "Address of the admin port: HOST:PORT or unix:PATH");

  std::string checked;
  CLI::App* checking = app.add_subcommand("check", "Print every problem of a configuration");
  checking->add_option("file", checked, "Configuration file")->required();

  CLI::App* version = app.add_subcommand("version", "Print the version");
  CLI::App* docs = app.add_subcommand("docs", "Print generated documentation");
  docs->add_subcommand("configuration", "docs/configuration.md");
  docs->require_subcommand(1);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : exit_usage;
  }
  if (version->parsed()) {
    std::cout << "rocket " << ROCKET_VERSION << '\n';
    return 0;
  }
  if (docs->parsed()) {
    std::cout << rocket::documentation_markdown();
    return 0;
  }
  if (checking->parsed()) return check(checked);
  if (!admin.empty()) {
    const auto address = rocket::parse_listen_address(admin);
    if (!address) {
      std::cerr << "--admin: " << address.error().detail << '\n';
      return exit_usage;
    }
    serving.admin = *address;
  }
  return rocket::serve(serving);
}
