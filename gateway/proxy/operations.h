#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proxy/call.h"

namespace rocket {

// What one port answers: an exact list of paths and methods, each with its handler. Anything
// else is 404, a known path with another method 405. HEAD goes wherever GET does, OPTIONS
// everywhere. The path is parsed once, and routing and authentication both look at that one: with
// keys configured, whoever shows none is told nothing but that, except where a row is open to
// anyone and in answer to a web page's preflight.
//
// One per loop and port. Handlers are plain functions that make a task; a handler must leave the
// response ended and drained.
class Operations final : public RequestHandler {
 public:
  using Handler = std::function<Task<void>(Call& call)>;

  enum class Access : unsigned char { with_key, anyone };

  struct Row {
    Method method;
    // Exact; with a final '/', unless it is all, what stands behind it is call.parameter, decoded.
    std::string path;
    Operation operation;
    Handler handler;
    bool quiet = false;  // no access line
    Access access = Access::with_key;
    // A large body is left to the handler to read (request().incoming), and to bound.
    bool streams_body = false;
  };

  enum class Port : unsigned char {
    data,
    // Answers only who calls it by a loopback name, so that no web page can reach it by a name
    // of its own (DNS rebinding), and never speaks CORS.
    admin,
    // Whoever reaches it may read, without a key; no web page is told anything.
    metrics,
  };

  explicit Operations(LoopState& loop, Port port = Port::data) : loop_(loop), port_(port) {}

  void add(Row row) { rows_.push_back(std::move(row)); }

  [[nodiscard]] Result<BodyTerms> admit(const RequestHead& head) override;
  [[nodiscard]] Task<void> handle(Request& request, ResponseWriter& response) override;
  [[nodiscard]] Task<void> refuse(const Error& error, const RequestHead& head,
                                  ResponseWriter& response) override;
  [[nodiscard]] const HttpSettings& settings() const override { return loop_.current->http; }
  [[nodiscard]] ByteBudget& bodies() override { return loop_.bodies; }
  [[nodiscard]] bool draining() const override { return loop_.draining; }

 private:
  struct Match {
    const Row* row = nullptr;
    bool known = false;  // the path is, if only with other methods
  };

  // What a request's head comes to.
  struct Asked {
    Target target;
    std::string parameter;
    Match match;
    const Key* key = nullptr;  // of the snapshot in force
  };

  [[nodiscard]] Match match(Method method, std::string_view path) const;
  // The path's methods, for Allow; empty if there is no such path.
  [[nodiscard]] std::string allowed(std::string_view path) const;
  [[nodiscard]] Result<void> check(const RequestHead& head, Asked& asked) const;
  [[nodiscard]] Result<void> authenticate(const RequestHead& head, Asked& asked) const;
  [[nodiscard]] Result<void> check_host(const RequestHead& head) const;
  [[nodiscard]] Result<void> read_target(const RequestHead& head, Asked& asked) const;
  [[nodiscard]] std::string paths() const;
  // What has to stand beside an error's body.
  [[nodiscard]] std::string error_lines(const Error& error, std::string_view path) const;
  void answer_options(Call& call, const std::string& allowed) const;

  LoopState& loop_;
  Port port_;
  std::vector<Row> rows_;
};

}  // namespace rocket
