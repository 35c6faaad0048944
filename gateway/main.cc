#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>

#include "base/log.h"
#include "base/out_of_memory.h"
#include "batch_command.h"
#include "block_command.h"
#include "config/documentation.h"
#include "config/keys_file.h"
#include "config/read_config.h"
#include "config/units.h"
#include "config/url.h"
#include "new_key.h"
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

struct Serving {
  rocket::ServeOptions options;
  std::string admin;
};

// `rocket serve`
void add_serve(CLI::App& app, Serving& asked) {
  CLI::App* serve = app.add_subcommand("serve", "Run the gateway");
  CLI::Option* config = serve->add_option(
      "--config", asked.options.config_path,
      "Configuration file; without one ./rocket.yaml, else local servers are found");
  serve->add_option("--admin", asked.admin, "Address of the admin port: HOST:PORT or unix:PATH");
  serve
      ->add_flag("--wait-config", asked.options.wait_config,
                 "Begin with the admin port alone; serve once POST /config has brought a "
                 "configuration")
      ->excludes(config);
  serve->add_option("--parent-pid", asked.options.parent,
                    "The process that starts this one: be killed when it, or the thread of it "
                    "that did, ends");
}

// False: it has been said what is wrong with --admin.
bool read_admin(Serving& asked) {
  const auto address = rocket::parse_listen_address(asked.admin);
  if (!address) {
    std::cerr << "--admin: " << address.error().detail << '\n';
    return false;
  }
  if (!address->loopback()) {
    std::cerr << "--admin: the admin API listens on loopback only; write 127.0.0.1:PORT, "
                 "[::1]:PORT or unix:PATH\n";
    return false;
  }
  asked.options.admin = *address;
  return true;
}

// Places in a line have 32 bits.
void read_line_bytes(const std::string& text, rocket::BatchOptions& asked) {
  constexpr std::uint64_t most = std::uint64_t{1024} * 1024 * 1024;
  const auto size = rocket::parse_byte_size(text);
  if (!size || size->bytes == 0 || size->bytes > most) {
    throw CLI::ValidationError("--line-bytes", "has to be a size from 1 to 1GiB, such as 100MiB");
  }
  asked.line_bytes = size->bytes;
}

// `rocket batch run`
CLI::App* add_batch_run(CLI::App& batch, rocket::BatchOptions& asked) {
  CLI::App* run = batch.add_subcommand(
      "run", "Answer a file of requests (JSONL); run again, it goes on where it was left");
  run->add_option("input", asked.input, "The requests, one a line, as /v1/batches takes them")
      ->required();
  run->add_option("-o,--output", asked.output,
                  "Where the answers go; what failed goes to this name and .errors")
      ->required();
  CLI::Option* config = run->add_option(
      "--config", asked.config_path,
      "Configuration file; without one ./rocket.yaml, else local servers are found");
  CLI::Option* gateway =
      run->add_option("--gateway", asked.gateway_url, "Ask this running gateway instead")
          ->excludes(config);
  run->add_option("--key-file", asked.key_file, "A file that holds the API key for the gateway")
      ->needs(gateway);
  run->add_option("--in-flight", asked.in_flight,
                  "Lines that are asked at once, at most; without it what the configuration says "
                  "(64)")
      ->check(CLI::Range(1, 10'000));
  run->add_option("--lines", asked.lines,
                  "Lines that the file may have, at most; without it what the configuration says "
                  "(50000)")
      ->check(CLI::Range(1, 100'000'000));
  run->add_option_function<std::string>(
         "--line-bytes", [&asked](const std::string& size) { read_line_bytes(size, asked); },
         "How long a line may be, as 64KiB or 100MiB; without it what the configuration says "
         "(20MiB)")
      ->type_name("SIZE");
  return run;
}

// `rocket batch block`
CLI::App* add_batch_block(CLI::App& batch, rocket::BlockOptions& asked) {
  CLI::App* block = batch.add_subcommand(
      "block", "Have the gateway of this node ask some lines of a batch that Ray shares out");
  block->add_option("--admin", asked.admin, "The gateway's admin port: unix:PATH")
      ->required()
      ->check(
          [](const std::string& text) {
            return text.starts_with("unix:") ? std::string() : "has to be unix:PATH";
          },
          "unix:PATH");
  block->add_option("--batch", asked.batch, "The batch's id")
      ->required()
      ->check(
          [](const std::string& text) {
            const bool plain = text.starts_with("batch_") &&
                               text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789", 6) ==
                                   std::string::npos;
            return plain ? std::string() : "has to be batch_ and letters and digits";
          },
          "batch_ID");
  block->add_option("--driver", asked.driver, "The number of the driver that gives it out")
      ->check(CLI::Range(1, 1'000'000));
  block->add_option("--cluster", asked.cluster, "The name of that driver's cluster");
  block->add_option("--from", asked.from, "The first place in the order of asking")->required();
  block->add_option("--to", asked.to, "The place behind the last one")->required();
  block->add_option("--parent-pid", asked.parent,
                    "The process that starts this one: be killed when it, or the thread of it "
                    "that did, ends");
  return block;
}

struct NewKey {
  rocket::KeyConfig key;
  std::string lane = "normal";
  std::string keys_file;
};

// `rocket key new`
CLI::App* add_new_key(CLI::App& app, NewKey& asked) {
  CLI::App* key = app.add_subcommand("key", "API keys of the data port");
  key->require_subcommand(1);
  CLI::App* making = key->add_subcommand("new", "Make a key, show it once, keep its hash");
  making->add_option("--name", asked.key.name, "How logs call it")->required();
  making->add_option("--keys-file", asked.keys_file, "The file that gets its entry")->required();
  making->add_option("--lane", asked.lane, "interactive, normal or batch")
      ->check(CLI::IsMember({"interactive", "normal", "batch"}));
  making
      ->add_option("--models", asked.key.models, "Names that it may ask for, as globs: fast,qwen*")
      ->delimiter(',');
  making->add_option("--backends", asked.key.backends, "Backends that may answer it")
      ->delimiter(',');
  making->add_option("--rpm", asked.key.rpm, "Requests per minute");
  making->add_option("--tpm", asked.key.tpm, "Tokens per minute");
  making->add_option("--concurrent", asked.key.concurrent, "Requests at once");
  return making;
}

// The exit code: 0 if help was what was asked for.
int told_usage(const CLI::App& app, const CLI::ParseError& error) {
  const int code = app.exit(error);
  if (code == 0) return 0;
  // CLI11 misses a subcommand before it looks at the words that are none.
  if (code == static_cast<int>(CLI::ExitCodes::RequiredError)) {
    for (const std::string& word : app.remaining(true))
      std::cerr << "Not known here: " << word << '\n';
  }
  return exit_usage;
}

}  // namespace

int main(int argc, char** argv) {
  rocket::hold_standard_descriptors();
  rocket::abort_when_out_of_memory();
  CLI::App app{"Rocket: one endpoint in front of the model servers you own"};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("rocket ") + ROCKET_VERSION);

  Serving serving;
  add_serve(app, serving);

  std::string checked;
  CLI::App* checking = app.add_subcommand("check", "Print every problem of a configuration");
  checking->add_option("file", checked, "Configuration file")->required();

  NewKey new_key;
  const CLI::App* making = add_new_key(app, new_key);

  CLI::App* batches = app.add_subcommand("batch", "Batches without a server, or parts of them");
  batches->require_subcommand(1);
  rocket::BatchOptions batch;
  const CLI::App* running = add_batch_run(*batches, batch);
  rocket::BlockOptions block;
  const CLI::App* blocking = add_batch_block(*batches, block);

  CLI::App* version = app.add_subcommand("version", "Print the version");
  CLI::App* docs = app.add_subcommand("docs", "Print generated documentation");
  docs->add_subcommand("configuration", "docs/configuration.md");
  docs->require_subcommand(1);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return told_usage(app, error);
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
  if (making->parsed()) {
    new_key.key.lane = rocket::lane(new_key.lane).value();
    return rocket::new_key(std::move(new_key.key), new_key.keys_file);
  }
  if (running->parsed()) return rocket::run_batch(batch);
  if (blocking->parsed()) {
    block.admin.erase(0, std::string_view("unix:").size());
    return rocket::run_block(block);
  }
  if (!serving.admin.empty() && !read_admin(serving)) return exit_usage;
  return rocket::serve(serving.options);
}
