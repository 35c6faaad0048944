#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/line_engine.h"
#include "config/config_values.h"

// What Rocket keeps for clients to come back to.
namespace rocket {

using namespace std::chrono_literals;

// What clients of OpenAI's Responses may come back to.
struct ResponsesConfig {
  bool store = true;
  ByteSize bytes = 64_MiB;
  Duration expiry = 1h;
  std::uint32_t turns = 500;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("store", self.store,
          "Keep responses in memory, as OpenAI does unless a request says `store: false`: for "
          "`previous_response_id`, `GET`, `DELETE` and `input_items`. Switch it off where several "
          "gateways share clients without sending each to the same one.");
    visit("bytes", self.bytes,
          "All that are kept, with what they were asked: those that were used longest ago are "
          "forgotten beyond. A larger one is not kept.");
    visit("expiry", self.expiry, "A response that nobody has asked for so long is forgotten.");
    visit("turns", self.turns, "Responses in one conversation: 400 beyond.");
  }
};

// Files and batches, which survive the process.
struct StoreConfig {
  bool on = true;
  std::string path;
  std::string postgres_url_env;
  std::string files;
  ByteSize file_bytes = 200_MiB;
  ByteSize bytes = 10240_MiB;
  Duration expiry = 720h;
  Duration batch_expiry = 720h;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(
        "on", self.on,
        "Keep files and batches. Off: whoever asks for them gets 501, and nothing is written. Can "
        "not be reloaded.");
    visit("path", self.path,
          "The directory that all of it is kept in, in SQLite and in files. Default: `rocket-data` "
          "where Rocket was started. Can not be reloaded.");
    visit("postgres_url_env", self.postgres_url_env,
          "The environment variable that holds the URL of a Postgres database, instead of `path`: "
          "for several gateways that share files and batches. Can not be reloaded.");
    visit("files", self.files,
          "With `postgres_url_env`: the directory for what is in files, which all gateways share. "
          "Can not be reloaded.");
    visit("file_bytes", self.file_bytes, "One file: 413 beyond.");
    visit("bytes", self.bytes,
          "All files together, of all keys; each counts for 4 KiB at least: 507 beyond.");
    visit("expiry", self.expiry,
          "After which a batch's file is deleted, unless its upload asks for another time "
          "(`expires_after`); 0s: never. Other files stay until somebody deletes them.");
    visit("batch_expiry", self.batch_expiry,
          "So long after its end a batch is forgotten (its files have times of their own); 0s: "
          "never.");
  }

  [[nodiscard]] bool in_postgres() const { return !postgres_url_env.empty(); }
  // Both keep things in the same place.
  [[nodiscard]] bool same_place(const StoreConfig& other) const {
    return on == other.on && path == other.path && postgres_url_env == other.postgres_url_env &&
           files == other.files;
  }
  // The directory of what is in files, and that of the database, where it is no Postgres.
  [[nodiscard]] std::string folder() const { return path.empty() ? "rocket-data" : path; }
  [[nodiscard]] std::string files_folder() const {
    return files.empty() ? folder() + "/files" : files;
  }
};

// How the lines of batches are worked off.
struct BatchConfig {
  LineEngine engine = LineEngine::local;
  std::uint32_t lines_in_flight = 64;
  std::uint32_t batches = 16;
  std::uint32_t unfinished = 100;
  std::uint32_t lines = 50'000;
  ByteSize line_bytes = 20_MiB;
  std::uint32_t attempts = 5;
  Duration backoff = 1s;
  Duration backoff_max = 60s;
  Duration commit = 50ms;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("engine", self.engine,
          "Who asks the lines of a batch that does not say `engine` itself: `local`, the gateway "
          "that has it; `ray`, the gateways of all nodes, as a Ray job of the batch shares it out "
          "among them (docs/ray.md).");
    visit(
        "lines_in_flight", self.lines_in_flight,
        "Lines of all batches that one gateway asks at once, at most: as many as the lane `batch` "
        "lets begin. One counts until its result is written: no crash repeats more. Also the "
        "prompts of one `/v1/batch/prompts`.");
    visit("batches", self.batches,
          "Batches that are worked on at once; further ones wait. Those whose models nobody can "
          "answer now do not count, up to eight times as many in all.");
    visit("unfinished", self.unfinished,
          "Batches of one key that have not ended, those that wait among them: 429 beyond.");
    visit("lines", self.lines, "Lines of one batch; a file with more is no batch.");
    visit("line_bytes", self.line_bytes, "One line of a batch's file.");
    visit("attempts", self.attempts,
          "How often a line is asked that fails for reasons that may pass. While nobody could be "
          "asked, or a limit of its key is reached, it waits without losing any.");
    visit("backoff", self.backoff,
          "The longest pause before a line is asked again; doubled for each further one.");
    visit("backoff_max", self.backoff_max, "The longest pause at all.");
    visit("commit", self.commit,
          "How long a result waits for others, to be written to the store together with them; it "
          "does not while a line waits for its place.");
  }
};

}  // namespace rocket
