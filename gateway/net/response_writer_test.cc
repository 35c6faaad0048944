#include "net/response_writer.h"

#include <gtest/gtest.h>

#include <array>

#include "testing/sim_stream.h"

namespace rocket {
namespace {

Task<void> drain(ResponseWriter& writer) {
  const bool taken = co_await writer.drained();
  EXPECT_TRUE(taken);
}

// Everything that the peer has been sent, once nothing more comes.
std::string read_all(SimLoop& loop, ByteStream& stream) {
  std::string all;
  std::array<char, 4096> buffer;
  for (int idle = 0; idle < 3;) {
    const IoResult read = stream.try_read(buffer);
    if (read.status == IoResult::Status::done) {
      all.append(buffer.data(), read.bytes);
      idle = 0;
    } else {
      ++idle;
      loop.run_for(10ms);
    }
  }
  return all;
}

TEST(ResponseWriter, AnyNumberOfPiecesIsOneAnswer) {
  for (const size_t count : {0U, 1U, 62U, 63U, 64U, 65U, 128U, 3000U}) {
    for (const size_t buffer_bytes : {500U, 1'000'000U}) {
      SimLoop loop;
      auto link = std::make_shared<SimLink>();
      link->buffer_bytes = buffer_bytes;
      const SimPair pair = connect_sim(loop, link, 1);
      RequestHead head;
      head.method = Method::get;
      head.keep_alive = true;
      ResponseWriter writer(*pair.listener, head, true, 10s);
      std::vector<std::string> texts;
      std::string body;
      for (size_t i = 0; i < count; ++i)
        body += texts.emplace_back(i % 5 == 4 ? "" : std::to_string(i) + ",");
      writer.send(200, "x-a: b\r\n", std::vector<std::string_view>(texts.begin(), texts.end()));
      TaskGroup tasks(loop.run_queue());
      tasks.spawn(drain(writer));
      const std::string answer = read_all(loop, *pair.dialer);
      EXPECT_TRUE(answer.ends_with("\r\n\r\n" + body)) << count << " of " << buffer_bytes;
      EXPECT_TRUE(answer.contains("content-length: " + std::to_string(body.size()) + "\r\n"));
      EXPECT_EQ(writer.bytes_sent(), answer.size());
      EXPECT_TRUE(writer.keep_alive());
    }
  }
}

TEST(ResponseWriter, AStreamWhoseLengthIsKnownSaysSo) {
  for (const int minor_version : {0, 1}) {
    SimLoop loop;
    const SimPair pair = connect_sim(loop, std::make_shared<SimLink>(), 1);
    RequestHead head;
    head.method = Method::get;
    head.minor_version = minor_version;
    head.keep_alive = true;
    ResponseWriter writer(*pair.listener, head, true, 10s);
    writer.start_stream(200, "x-a: b\r\n", 6);
    const std::string_view first = "abc";
    const std::string_view second = "def";
    writer.write({&first, 1});
    writer.write({&second, 1}, true);
    const std::string answer = read_all(loop, *pair.dialer);
    EXPECT_TRUE(answer.ends_with("content-length: 6\r\n\r\nabcdef")) << answer;
    EXPECT_FALSE(answer.contains("transfer-encoding"));
    EXPECT_TRUE(writer.keep_alive()) << "its end can be told";
  }
}

// Takes nothing, and wakes its writer all the same, as TLS does with whatever its peer sends.
class RestlessStream final : public ByteStream {
 public:
  using ByteStream::ByteStream;
  [[nodiscard]] IoResult try_read(std::span<char>) override { return IoResult::would_block(); }
  [[nodiscard]] IoResult try_write(std::span<const iovec>) override {
    writable_ = false;
    return IoResult::would_block();
  }
  [[nodiscard]] std::string peer() const override { return {}; }

  void wake() { set_writable(); }
};

Task<void> drain_in_vain(ResponseWriter& writer) {
  const bool taken = co_await writer.drained();
  EXPECT_FALSE(taken);
}

TEST(ResponseWriter, WhoTakesNothingIsGivenUpHoweverOftenItIsHeardOf) {
  SimLoop loop;
  RestlessStream stream(loop);
  RequestHead head;
  head.method = Method::get;
  ResponseWriter writer(stream, head, true, 2s);
  const std::string_view piece = "abc";
  writer.send(200, "x-a: b\r\n", {&piece, 1});
  TaskGroup tasks(loop.run_queue());
  tasks.spawn(drain_in_vain(writer));
  for (int i = 0; i < 6; ++i) {
    if (i < 4) EXPECT_TRUE(writer.alive()) << i;
    loop.run_for(500ms);
    stream.wake();
  }
  EXPECT_FALSE(writer.alive());
}

}  // namespace
}  // namespace rocket
