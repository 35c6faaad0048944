#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "testing/sim_gateway.h"

// Who is there when a drain begins.
namespace rocket {
namespace {

// A client that says `bytes` some time after it has come, and again as often as it is answered.
class Client {
 public:
  Client(SimGateway& gateway, Duration pause, std::string bytes)
      : came_at_(gateway.loop.now()), tasks_(gateway.loop.run_queue()) {
    tasks_.spawn(run(gateway, pause, std::move(bytes)));
  }

  [[nodiscard]] const std::string& received() const { return received_; }
  [[nodiscard]] bool ended() const { return ended_; }
  // From its coming until the gateway closed the connection.
  [[nodiscard]] Duration stayed() const { return ended_at_ - came_at_; }

 private:
  [[nodiscard]] Task<void> run(SimGateway& gateway, Duration pause, std::string bytes) {
    Address address{"gateway", 8000, false, ""};
    auto stream = co_await gateway.net.dialer().dial(std::move(address), never);
    if (!stream) co_return;
    std::vector<char> buffer(64 * 1024);
    bool waiting = false;
    while (true) {
      if (!bytes.empty() && !waiting) {
        co_await SleepUntil(gateway.loop, gateway.loop.now() + pause);
        const iovec piece{bytes.data(), bytes.size()};
        waiting = (*stream)->try_write({&piece, 1}).bytes == bytes.size();
      }
      const IoResult read = (*stream)->try_read(buffer);
      if (read.status == IoResult::Status::would_block) {
        co_await (*stream)->readable(never);
        continue;
      }
      if (read.status != IoResult::Status::done) break;
      received_.append(buffer.data(), read.bytes);
      waiting = false;
    }
    ended_ = true;
    ended_at_ = gateway.loop.now();
  }

  std::string received_;
  TimePoint came_at_;
  TimePoint ended_at_ = never;
  bool ended_ = false;
  TaskGroup tasks_;
};

size_t answers(const Client& client) {
  size_t count = 0;
  for (size_t at = 0; (at = client.received().find("HTTP/1.1 200 ", at)) != std::string::npos; ++at)
    ++count;
  return count;
}

TEST(Drain, WhoHasJustComeIsAnsweredOnce) {
  SimGateway gateway(1,
                     {{.name = "a", .endpoints = {FakeScript{}}, .default_model = "fake-model"}});
  const Client late(gateway, 600ms, sim_chat(false));
  gateway.loop.run_for(100ms);
  gateway.drain();
  gateway.loop.run_for(5s);
  EXPECT_EQ(answers(late), 1U) << late.received();
  EXPECT_TRUE(late.received().contains("connection: close\r\n"));
  EXPECT_TRUE(late.ended());
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Drain, WhoSaysNothingIsNotWaitedFor) {
  SimGateway gateway(1,
                     {{.name = "a", .endpoints = {FakeScript{}}, .default_model = "fake-model"}});
  const Client silent(gateway, 1s, "");
  const Client too_late(gateway, 1500ms, sim_chat(false));
  gateway.loop.run_for(100ms);
  gateway.drain();
  gateway.loop.run_for(5s);
  for (const Client* client : {&silent, &too_late}) {
    EXPECT_TRUE(client->ended());
    EXPECT_EQ(client->received(), "");
    EXPECT_LE(client->stayed(), 1600ms);
  }
  EXPECT_EQ(gateway.leftovers(), "");
}

TEST(Drain, AConnectionThatHasBeenUsedEndsAtOnceWhereItIsIdle) {
  SimGateway gateway(1,
                     {{.name = "a", .endpoints = {FakeScript{}}, .default_model = "fake-model"}});
  const Client used(gateway, 500ms, sim_get("/livez"));
  gateway.loop.run_for(900ms);
  EXPECT_EQ(answers(used), 1U);
  EXPECT_FALSE(used.ended());
  gateway.drain();
  // It asks again 500 ms later, and learns then that nobody listens any more.
  gateway.loop.run_for(700ms);
  EXPECT_TRUE(used.ended());
  EXPECT_EQ(answers(used), 1U);
}

}  // namespace
}  // namespace rocket
