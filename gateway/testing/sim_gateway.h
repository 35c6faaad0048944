#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/control.h"
#include "proxy/data_operations.h"
#include "proxy/server.h"
#include "testing/fake_backend.h"
#include "testing/sim_net.h"

namespace rocket {

// A client's request to a simulated gateway, and what has come back so far.
class SimRequest {
 public:
  SimRequest(SimLoop& loop, SimNet& net, std::string bytes, bool head_request = false);

  // The client hangs up.
  void abort();

  [[nodiscard]] bool ended() const { return ended_; }
  // The answer ended as its framing promised; false for one that was cut.
  [[nodiscard]] bool whole() const { return whole_; }
  [[nodiscard]] int status() const { return head_.status; }
  [[nodiscard]] std::string header(std::string_view name) const {
    return std::string(head_.headers.find(name).value_or(""));
  }
  [[nodiscard]] const std::string& body() const { return body_; }
  [[nodiscard]] TimePoint sent_at() const { return sent_at_; }
  // When the first byte of the body came, and when it was over.
  [[nodiscard]] TimePoint first_byte_at() const { return first_byte_at_; }
  [[nodiscard]] TimePoint ended_at() const { return ended_at_; }
  // Of a streamed answer: the text of all its content deltas.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool has_done() const { return body_.contains("data: [DONE]\n\n"); }
  [[nodiscard]] bool has_error() const { return body_.contains("\"error\":"); }

 private:
  [[nodiscard]] Task<void> run(std::string bytes, bool head_request);
  [[nodiscard]] Task<void> exchange(ByteStream& stream, std::string bytes, bool head_request);

  SimLoop& loop_;
  SimNet& net_;
  TimePoint sent_at_;
  TimePoint first_byte_at_ = never;
  TimePoint ended_at_ = never;
  bool ended_ = false;
  bool whole_ = false;
  ResponseHead head_;
  std::string body_;
  TaskGroup tasks_;
};

// Bytes of a client that need not be HTTP, and all that came back.
class SimBytes {
 public:
  SimBytes(SimLoop& loop, SimNet& net, std::string bytes);
  [[nodiscard]] const std::string& received() const { return received_; }

 private:
  [[nodiscard]] Task<void> run(SimNet& net, std::string bytes);

  std::string received_;
  TaskGroup tasks_;
};

// A whole gateway on a simulated clock and network: the real proxy in front of fake backends.
// Endpoint k of backend NAME is at NAME:(8000 + k).
class SimGateway {
 public:
  struct BackendSpec {
    std::string name;
    std::vector<FakeScript> endpoints;
    std::string default_model;
    BackendKind kind = BackendKind::openai;
    std::vector<NativeApi> native{};
  };

  // `config` holds settings; its backends and order are made from `specs`. Runs until every
  // endpoint has been probed.
  SimGateway(std::uint64_t seed, const std::vector<BackendSpec>& specs, Config config = {});
  ~SimGateway();
  SimGateway(const SimGateway&) = delete;
  SimGateway& operator=(const SimGateway&) = delete;

  [[nodiscard]] std::unique_ptr<SimRequest> send(std::string bytes, bool head_request = false) {
    return std::make_unique<SimRequest>(loop, net, std::move(bytes), head_request);
  }
  [[nodiscard]] std::unique_ptr<SimBytes> send_raw(std::string bytes) {
    return std::make_unique<SimBytes>(loop, net, std::move(bytes));
  }
  // Runs until the request has ended, for at most `limit`.
  void finish(const SimRequest& request, Duration limit = std::chrono::minutes(20));
  // The two together.
  [[nodiscard]] std::unique_ptr<SimRequest> ask(std::string bytes, bool head_request = false);

  [[nodiscard]] FakeBackend& fake(const std::string& backend, size_t endpoint = 0);
  [[nodiscard]] SimLink& link(const std::string& backend, size_t endpoint = 0);
  [[nodiscard]] Endpoint& endpoint(const std::string& backend, size_t index = 0);
  void refuse(const std::string& backend, size_t endpoint = 0);
  // The endpoint's name means another machine from then on, seen after a while, that does as the
  // script says; fake(), link() and the like mean that one. The old one stays as it is, for the
  // connections that it has.
  FakeBackend& move(const std::string& backend, size_t endpoint, FakeScript script,
                    Duration seen_after);
  // Nothing is frozen any more.
  void thaw_all();
  // Whether nothing passes in either direction, as with a stopped process.
  void freeze(const std::string& backend, size_t endpoint, bool frozen);
  // No more clients come, and those that are there end with the answer they are at.
  void drain();

  // Requests of all fakes, and of all that they have been, that were not as they should be.
  [[nodiscard]] std::uint64_t malformed() const;
  // What must be so once every client has gone: empty, or what is left.
  [[nodiscard]] std::string leftovers();

  SimLoop loop;
  SimNet net;

 private:
  struct Host {
    std::string backend;
    size_t endpoint;
    std::string machine;
    std::unique_ptr<FakeBackend> fake;
  };

  FakeBackend& add_host(const std::string& backend, size_t endpoint, std::string machine,
                        FakeScript script);
  [[nodiscard]] Host& host(const std::string& backend, size_t endpoint);

  TaskGroup fakes_tasks_;
  std::vector<Host> hosts_;
  std::vector<char> scratch_;

 public:
  Io io;
  ByteBudget bodies;
  Metrics metrics;
  AccessLog access_log;
  Log log;
  Bells bells;
  Admission admission;
  LoopState state;
  Operations data;
  ConnectionCount count;
  Server server;
  Control control;
};

// Requests as clients write them.
[[nodiscard]] std::string sim_post(const std::string& path, const std::string& body,
                                   const std::string& more_lines = "");
[[nodiscard]] std::string sim_get(const std::string& path);
// A chat completion; `more` are members of the body ("\"model\":\"m\",").
[[nodiscard]] std::string sim_chat(bool stream, const std::string& more = "");

}  // namespace rocket
