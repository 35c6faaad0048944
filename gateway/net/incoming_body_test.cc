#include "net/incoming_body.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_connection.h"
#include "testing/sim_stream.h"

namespace rocket {
namespace {

// Reads what comes, as far as `most` bytes, and answers with how much that was. Posts are streamed.
class Reader final : public RequestHandler {
 public:
  explicit Reader(Timers& timers) : timers_(timers) {}

  [[nodiscard]] Result<BodyTerms> admit(const RequestHead& head) override {
    return BodyTerms{.bytes_max = 1000, .streamed = head.method == Method::post};
  }
  [[nodiscard]] Task<void> handle(Request& request, ResponseWriter& response) override {
    got.emplace_back(request.body.text());
    std::string answer;
    while (request.incoming != nullptr && got.back().size() < most) {
      const auto pieces = co_await request.incoming->read();
      if (!pieces) answer = to_string(pieces.error().code);
      if (!pieces || pieces->empty()) break;
      for (const std::string_view piece : *pieces)
        got.back() += piece;
      if (pause != Duration::zero()) {
        co_await SleepUntil(timers_, timers_.now() + pause);
      }
    }
    if (answer.empty()) answer = std::to_string(got.back().size());
    const std::string_view text = answer;
    response.send(200, "", {&text, 1});
    co_await response.drained();
  }
  [[nodiscard]] Task<void> refuse(const Error& error, const RequestHead&,
                                  ResponseWriter& response) override {
    const std::string_view text = to_string(error.code);
    response.send(400, "", {&text, 1});
    co_await response.drained();
  }
  [[nodiscard]] const HttpSettings& settings() const override { return settings_; }
  [[nodiscard]] ByteBudget& bodies() override { return bodies_; }
  [[nodiscard]] bool draining() const override { return false; }

  std::vector<std::string> got;  // by request
  size_t most = size_t{1} << 30U;
  Duration pause{};  // behind each read

 private:
  Timers& timers_;
  HttpSettings settings_{
      .head = {}, .header_time = 10s, .body_time = 5s, .keep_alive = 60s, .write_time = 10s};
  ByteBudget bodies_{1 << 20U};
};

class NoDialer final : public Dialer {
 public:
  [[nodiscard]] Task<Result<std::unique_ptr<ByteStream>>> dial(Address, TimePoint) override {
    co_return fail(ErrorCode::connect_failed);
  }
  [[nodiscard]] Task<Result<std::vector<IpAddress>>> resolve(std::string, TimePoint) override {
    co_return fail(ErrorCode::connect_failed);
  }
};

class Incoming : public testing::Test {
 protected:
  void connect(std::uint64_t seed = 1) {
    SimPair pair = connect_sim(loop_, link_, seed);
    client_ = std::move(pair.dialer);
    tasks_.spawn(serve(std::move(pair.listener)));
  }

  Task<void> serve(std::unique_ptr<ByteStream> stream) {
    HttpConnection connection(io_, std::move(stream), reader_);
    co_await connection.run();
  }

  void send(std::string_view text) {
    while (!text.empty()) {
      iovec piece{const_cast<char*>(text.data()), text.size()};
      const IoResult sent = client_->try_write({&piece, 1});
      if (sent.status == IoResult::Status::done) text.remove_prefix(sent.bytes);
      if (sent.status == IoResult::Status::failed) return;
      loop_.run_for(2ms);
    }
  }

  // What the client has been sent meanwhile.
  std::string receive(Duration time = 20ms) {
    loop_.run_for(time);
    std::string all;
    std::array<char, 4096> buffer;
    while (true) {
      const IoResult read = client_->try_read(buffer);
      if (read.status != IoResult::Status::done) return all;
      all.append(buffer.data(), read.bytes);
    }
  }

  static std::string sized(std::string_view body, std::string_view lines = "") {
    return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string(lines) + "\r\n" + std::string(body);
  }

  SimLoop loop_;
  std::shared_ptr<SimLink> link_ = std::make_shared<SimLink>();
  NoDialer dialer_;
  std::vector<char> scratch_ = std::vector<char>(64 * 1024);
  Io io_{loop_, dialer_, scratch_};
  Reader reader_{loop_};
  TaskGroup tasks_{loop_.run_queue()};
  std::unique_ptr<SimStream> client_;
};

TEST_F(Incoming, IsReadPieceByPieceHoweverItComes) {
  link_->split_reads = true;
  std::string body;
  for (int i = 0; i < 40'000; ++i)
    body += std::to_string(i) + ' ';
  std::string chunks;
  for (size_t at = 0; at < body.size(); at += 777) {
    const std::string_view piece = std::string_view(body).substr(at, 777);
    chunks += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
  }
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    connect(seed);
    send(sized(body));
    EXPECT_TRUE(receive().ends_with("\r\n\r\n" + std::to_string(body.size()))) << seed;
    // The connection goes on, with whatever is pipelined.
    send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks +
         "0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string answers = receive(200ms);
    EXPECT_TRUE(answers.contains("\r\n\r\n" + std::to_string(body.size()) + "HTTP/1.1 200 OK"))
        << seed << answers;
    EXPECT_TRUE(answers.ends_with("\r\n\r\n0"));
    EXPECT_FALSE(answers.contains("connection: close"));
    ASSERT_EQ(reader_.got.size(), 3 * seed);
    EXPECT_EQ(reader_.got[3 * seed - 3], body) << seed;
    EXPECT_EQ(reader_.got[3 * seed - 2], body) << seed;
  }
}

TEST_F(Incoming, IsAskedForByTheFirstRead) {
  connect();
  reader_.most = 0;
  send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  const std::string refused = receive();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 200 OK\r\n")) << "nobody has asked for the body";
  EXPECT_TRUE(refused.contains("connection: close\r\n"));
  connect();
  reader_.most = 100;
  send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(receive(), "HTTP/1.1 100 Continue\r\n\r\n");
  send("hello");
  EXPECT_TRUE(receive().ends_with("\r\n\r\n5"));
  // A body that is not there is neither asked for nor read.
  send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(receive().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_F(Incoming, WhatIsNotReadEndsTheConnection) {
  connect();
  reader_.most = 10;
  send(sized(std::string(500'000, 'x')));
  const std::string answer = receive(2s);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(answer.contains("connection: close\r\n"));
  EXPECT_LT(reader_.got.back().size(), 100'000U);
  EXPECT_EQ(tasks_.size(), 0U);
}

TEST_F(Incoming, HoldsTheClientUpWhileNobodyReads) {
  connect();
  reader_.pause = 1s;
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n";
  send(head);
  const std::string some(1'000'000, 'x');
  iovec piece{const_cast<char*>(some.data()), some.size()};
  size_t sent = 0;
  for (int i = 0; i < 50; ++i) {
    const IoResult result = client_->try_write({&piece, 1});
    if (result.status == IoResult::Status::done) sent += result.bytes;
    loop_.run_for(2ms);
  }
  // What the link holds, and what was read once.
  EXPECT_LE(sent, link_->buffer_bytes + scratch_.size());
}

TEST_F(Incoming, TheTimeIsTheClientsAndForEachMebibyte) {
  connect();
  const std::string mebi(1024 * 1024, 'x');
  send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3145728\r\n\r\n");
  // 4 of the 5 seconds, three times.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(receive(4s), "");
    send(mebi);
  }
  EXPECT_TRUE(receive().ends_with("\r\n\r\n3145728"));
  // Whoever reads may take his time.
  reader_.pause = 8s;
  send(sized("hello", "X-Slow: reader\r\n"));
  EXPECT_TRUE(receive(20s).ends_with("\r\n\r\n5"));
  reader_.pause = {};
  send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhell");
  EXPECT_EQ(receive(4900ms), "");
  const std::string late = receive(300ms);
  EXPECT_TRUE(late.ends_with("\r\n\r\nbody_timeout")) << late;
  EXPECT_TRUE(late.contains("connection: close\r\n"));
}

TEST_F(Incoming, WhoGoesAwayEndsIt) {
  connect();
  send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhell");
  loop_.run_for(20ms);
  EXPECT_EQ(tasks_.size(), 1U);
  client_.reset();
  loop_.run_for(20ms);
  EXPECT_EQ(tasks_.size(), 0U);
}

TEST_F(Incoming, BrokenFramingIsToldAndEndsIt) {
  connect();
  send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n");
  const std::string answer = receive();
  EXPECT_TRUE(answer.ends_with("\r\n\r\nbad_request")) << answer;
  EXPECT_TRUE(answer.contains("connection: close\r\n"));
}

}  // namespace
}  // namespace rocket
