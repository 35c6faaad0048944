// The recorded bytes of real servers through the whole gateway.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "testing/cassette.h"
#include "testing/sim_gateway.h"
#include "wire/request_parser.h"
#include "wire/sse.h"

namespace rocket {
namespace {

using Kind = Cassette::Kind;
using nlohmann::json;

constexpr const char* folder = ROCKET_SOURCE_DIR "/tests/cassettes";
constexpr const char* name = "one";
constexpr std::uint16_t port = 8000;

json messages() {
  return json::array({{{"role", "user"}, {"content", "hello"}}});
}

// An upstream that knows recordings instead of answers, and sends them in random pieces.
class ReplayedServer {
 public:
  ReplayedServer(SimLoop& loop, std::uint64_t seed)
      : loop_(loop), random_(seed), tasks_(loop.run_queue()) {}

  void answer(const std::string& path, std::string response) {
    responses_[path] = std::move(response);
  }
  void accept(std::unique_ptr<ByteStream> stream) { tasks_.spawn(serve(std::move(stream))); }
  [[nodiscard]] int answered(const std::string& path) { return answered_[path]; }

 private:
  [[nodiscard]] Task<> serve(std::unique_ptr<ByteStream> stream) {
    RequestParser parser(HttpLimits{});
    std::string buffer(64 * 1024, '\0');
    while (true) {
      const IoResult read = stream->try_read(buffer);
      if (read.status == IoResult::Status::would_block) {
        static_cast<void>(co_await stream->readable(never));
        continue;
      }
      if (read.status != IoResult::Status::done) co_return;
      std::string_view bytes(buffer.data(), read.bytes);
      while (!bytes.empty()) {
        const auto taken = parser.feed(bytes);
        ROCKET_ASSERT(taken.has_value());
        bytes.remove_prefix(*taken);
      }
      if (parser.state() != RequestParser::State::complete) continue;
      const std::string path = parser.head().target;
      ROCKET_ASSERT(responses_.contains(path));
      ++answered_[path];
      const std::string response = responses_[path];
      parser.reset();
      co_await send(*stream, response);
      if (response.contains("\r\nConnection: close\r\n")) co_return;
    }
  }

  [[nodiscard]] Task<> send(ByteStream& stream, std::string_view rest) {
    while (!rest.empty()) {
      const size_t size = std::min<size_t>(rest.size(), 1 + random_.uniform(200));
      const iovec piece{const_cast<char*>(rest.data()), size};
      const IoResult written = stream.try_write({&piece, 1});
      if (written.status == IoResult::Status::failed) co_return;
      rest.remove_prefix(written.bytes);
      const bool full = written.status == IoResult::Status::would_block;
      if (full) static_cast<void>(co_await stream.writable(never));
      if (!full) co_await SleepUntil(loop_, loop_.now() + std::chrono::milliseconds(1));
    }
  }

  SimLoop& loop_;
  Random random_;
  std::map<std::string, std::string> responses_;
  std::map<std::string, int> answered_;
  TaskGroup tasks_;
};

BackendKind kind_of_server(const std::string& server) {
  return server == "ollama" ? BackendKind::ollama : BackendKind::openai;
}

SimGateway::BackendSpec backend_for(const Cassette& cassette, const std::string& model) {
  FakeScript probed;
  probed.models = {model};
  const BackendKind kind = kind_of_server(cassette.server);
  if (kind == BackendKind::ollama) probed.kind = FakeKind::ollama;
  return {.name = name, .endpoints = {probed}, .default_model = model, .kind = kind};
}

// A gateway that was started in front of a fake, and from then on faces the recordings of one
// server, probes included.
class CassetteReplay : public testing::TestWithParam<Cassette> {
 protected:
  // The answer to `body` where the server says what was recorded.
  void ask(std::uint64_t seed, const std::string& path, const json& body) {
    request_.reset();
    server_.reset();
    const std::string model = body["model"].get<std::string>();
    gateway_ = std::make_unique<SimGateway>(seed, std::vector{backend_for(GetParam(), model)});
    server_ = std::make_unique<ReplayedServer>(gateway_->loop, seed);
    for (const Cassette& other : load_cassettes(folder)) {
      const bool same = other.server == GetParam().server && other.version == GetParam().version;
      if (same && other.method() == "GET") server_->answer(other.path(), other.response);
    }
    server_->answer(path, GetParam().response);
    gateway_->net.listen(name, port, [this](auto stream) { server_->accept(std::move(stream)); });
    gateway_->net.reset_all(name, port);
    gateway_->link(name).split_reads = true;
    request_ = gateway_->ask(sim_post(path, body.dump()));
    ASSERT_TRUE(request_->ended());
    ASSERT_TRUE(request_->whole());
    ASSERT_EQ(server_->answered(path), 1);
  }

  [[nodiscard]] static json body() { return json::parse(GetParam().request_body()); }

  std::unique_ptr<SimGateway> gateway_;
  std::unique_ptr<ReplayedServer> server_;
  std::unique_ptr<SimRequest> request_;
};
class ReplayedStream : public CassetteReplay {};
class ReplayedAnswer : public CassetteReplay {};
class ReplayedRefusal : public CassetteReplay {};

bool only_usage(std::string_view data) {
  const json event = json::parse(data, nullptr, false);
  return event.is_object() && event["choices"].empty() && event.contains("usage");
}

std::string events_for(const std::string& recorded, bool usage_asked) {
  std::string events;
  SseSplitter splitter(1024 * 1024);
  const auto fed = splitter.feed(recorded, [&](const SseEvent& event) {
    if (usage_asked || !only_usage(event.data)) events += event.raw;
  });
  EXPECT_TRUE(fed && !splitter.unfinished());
  return events;
}

TEST_P(ReplayedStream, PassesEveryEventByteForByte) {
  const std::string recorded = answer_of(GetParam()).body;
  for (const bool usage_asked : {false, true}) {
    json body = this->body();
    body.erase("stream_options");
    if (usage_asked) body["stream_options"] = {{"include_usage", true}};
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      ASSERT_NO_FATAL_FAILURE(ask(seed, GetParam().path(), body)) << "seed " << seed;
      EXPECT_EQ(request_->status(), 200);
      EXPECT_EQ(request_->body(), events_for(recorded, usage_asked)) << "seed " << seed;
    }
  }
}

TEST_P(ReplayedAnswer, PassesTheBodyAndWhoGaveIt) {
  std::string expected = answer_of(GetParam()).body;
  expected.insert(expected.rfind('}'), R"(,"_backend":"one")");
  json body = this->body();
  // Rocket does not pass on an empty list, which some servers take.
  if (body.contains("messages")) body["messages"] = messages();
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    ASSERT_NO_FATAL_FAILURE(ask(seed, GetParam().path(), body)) << "seed " << seed;
    EXPECT_EQ(request_->status(), 200);
    EXPECT_EQ(request_->body(), expected) << "seed " << seed;
  }
}

// Whatever the request was: what the server said reaches the client, streamed or not.
TEST_P(ReplayedRefusal, PassesTheServersWords) {
  const RecordedAnswer answer = answer_of(GetParam());
  const std::string words = read_upstream_error(answer.body);
  for (const bool stream : {false, true}) {
    const json body{{"model", "fake-model"}, {"stream", stream}, {"messages", messages()}};
    ASSERT_NO_FATAL_FAILURE(ask(1, "/v1/chat/completions", body));
    EXPECT_EQ(request_->status(), answer.head.status);
    const json error = json::parse(request_->body(), nullptr, false);
    ASSERT_TRUE(error.is_object()) << request_->body();
    EXPECT_TRUE(error["error"]["message"].get<std::string>().contains(words)) << request_->body();
  }
}

std::string name_of(const testing::TestParamInfo<Cassette>& info) {
  return test_name(info.param);
}

INSTANTIATE_TEST_SUITE_P(Servers, ReplayedStream,
                         testing::ValuesIn(load_cassettes(folder, Kind::stream)), name_of);
INSTANTIATE_TEST_SUITE_P(Servers, ReplayedAnswer,
                         testing::ValuesIn(load_cassettes(folder, Kind::answer)), name_of);
INSTANTIATE_TEST_SUITE_P(Servers, ReplayedRefusal,
                         testing::ValuesIn(load_cassettes(folder, Kind::refusal)), name_of);

}  // namespace
}  // namespace rocket
