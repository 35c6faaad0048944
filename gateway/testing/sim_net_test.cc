#include "testing/sim_net.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket {
namespace {

constexpr const char* host = "upstream";
constexpr std::uint16_t port = 80;

// Reads until the end; what came stands in `out`, how it ended in the result.
Task<IoResult::Status> read_all(ByteStream& stream, std::string& out, std::size_t at_once) {
  std::string buffer(at_once, '\0');
  while (true) {
    const IoResult result = stream.try_read(buffer);
    if (result.status == IoResult::Status::would_block) {
      const Wake wake = co_await stream.readable(never);
      ROCKET_ASSERT(wake == Wake::signalled);
      continue;
    }
    if (result.status != IoResult::Status::done) co_return result.status;
    out.append(buffer, 0, result.bytes);
  }
}

// Whether all could be written.
Task<bool> write_all(ByteStream& stream, std::string bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const iovec piece{bytes.data() + written, bytes.size() - written};
    const IoResult result = stream.try_write({&piece, 1});
    if (result.status == IoResult::Status::failed) co_return false;
    if (result.status == IoResult::Status::would_block) {
      const Wake wake = co_await stream.writable(never);
      ROCKET_ASSERT(wake == Wake::signalled);
      continue;
    }
    written += result.bytes;
  }
  co_return true;
}

Task<> dial_into(Dialer& dialer, Address address, TimePoint deadline,
                 std::optional<Result<std::unique_ptr<ByteStream>>>& out) {
  Result<std::unique_ptr<ByteStream>> result = co_await dialer.dial(std::move(address), deadline);
  out = std::move(result);
}

Task<> read_into(ByteStream& stream, std::string& out, std::optional<IoResult::Status>& end,
                 std::size_t at_once = 100) {
  const IoResult::Status status = co_await read_all(stream, out, at_once);
  end = status;
}

Task<> write_then_close(std::unique_ptr<ByteStream>& stream, std::string bytes) {
  const bool written = co_await write_all(*stream, std::move(bytes));
  if (written) stream.reset();
}

std::string pattern(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes)
    text += std::to_string(text.size()) + ',';
  text.resize(bytes);
  return text;
}

class SimNetwork : public testing::Test {
 protected:
  void SetUp() override {
    net_.listen(host, port, [this](auto stream) { server_ = std::move(stream); });
  }

  Result<std::unique_ptr<ByteStream>> dial(TimePoint deadline = never) {
    std::optional<Result<std::unique_ptr<ByteStream>>> result;
    tasks_.spawn(dial_into(net_.dialer(), {host, port, false, ""}, deadline, result));
    loop_.run_for(1h);
    if (!result) return fail(ErrorCode::internal, "still dialling");
    return std::move(*result);
  }
  void connect() {
    client_ = dial().value();
    ASSERT_NE(server_, nullptr);
  }

  static IoResult write(ByteStream& stream, std::string_view bytes) {
    std::string copy(bytes);
    const iovec piece{copy.data(), copy.size()};
    return stream.try_write({&piece, 1});
  }
  // What can be read at once.
  static std::string read(ByteStream& stream) {
    std::string buffer(1'000'000, '\0');
    const IoResult result = stream.try_read(buffer);
    buffer.resize(result.bytes);
    return buffer;
  }
  static IoResult::Status read_status(ByteStream& stream) {
    char byte = 0;
    return stream.try_read({&byte, 1}).status;
  }

  SimLoop loop_;
  SimNet net_{loop_, 1};
  std::unique_ptr<ByteStream> client_;
  std::unique_ptr<ByteStream> server_;
  TaskGroup tasks_{loop_.run_queue()};
};

struct DialCase {
  const char* name;
  SimLink::Connect connect;
  bool frozen;
  Duration latency;
  Duration deadline;
  std::optional<ErrorCode> error;
  Duration takes;
};

class SimDial : public testing::TestWithParam<DialCase> {};

Task<> timed_dial(SimLoop& loop, Dialer& dialer, Duration deadline, std::optional<ErrorCode>& error,
                  Duration& taken) {
  const TimePoint start = loop.now();
  Address address{host, port, false, ""};  // g++ 12: not inside the co_await
  const auto stream = co_await dialer.dial(std::move(address), start + deadline);
  if (!stream) error = stream.error().code;
  taken = loop.now() - start;
}

TEST_P(SimDial, ends_as_told) {
  const DialCase& given = GetParam();
  SimLoop loop;
  SimNet net(loop, 1);
  net.listen(host, port, [](auto) {});
  net.link(host, port).connect = given.connect;
  net.link(host, port).frozen = given.frozen;
  net.link(host, port).latency = given.latency;
  std::optional<ErrorCode> error;
  Duration taken{};
  TaskGroup tasks(loop.run_queue());
  tasks.spawn(timed_dial(loop, net.dialer(), given.deadline, error, taken));
  EXPECT_TRUE(loop.run_until_idle(1h));
  EXPECT_EQ(error, given.error);
  EXPECT_EQ(taken, given.takes);
  EXPECT_EQ(net.dials(), 1U);
}

using Connect = SimLink::Connect;
INSTANTIATE_TEST_SUITE_P(
    Cases, SimDial,
    testing::Values(
        DialCase{"accepted", Connect::accept, false, 5ms, 1s, std::nullopt, 10ms},
        DialCase{"refused", Connect::refuse, false, 5ms, 1s, ErrorCode::connect_refused, 10ms},
        DialCase{"black_hole", Connect::black_hole, false, 5ms, 1s, ErrorCode::connect_timeout, 1s},
        DialCase{"frozen", Connect::accept, true, 5ms, 1s, ErrorCode::connect_timeout, 1s},
        DialCase{"too_far", Connect::accept, false, 600ms, 1s, ErrorCode::connect_timeout, 1s}),
    [](const auto& tested) { return tested.param.name; });

TEST_F(SimNetwork, refuses_where_nobody_listens_any_more) {
  net_.stop_listening(host, port);
  EXPECT_EQ(dial().error().code, ErrorCode::connect_refused);
}

TEST_F(SimNetwork, does_not_know_other_names) {
  std::optional<Result<std::unique_ptr<ByteStream>>> result;
  tasks_.spawn(dial_into(net_.dialer(), {"elsewhere", port, false, ""}, never, result));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error().code, ErrorCode::connect_failed);
}

TEST_F(SimNetwork, a_name_can_mean_another_address) {
  int others = 0;
  net_.listen("other", port, [&](auto) { ++others; });
  net_.rename(host, port, "other", loop_.now() + 90min);
  connect();  // an hour passes
  EXPECT_TRUE(dial().has_value());
  EXPECT_EQ(others, 0);
  EXPECT_TRUE(dial().has_value());
  EXPECT_EQ(others, 1) << "it is seen by now";
}

TEST_F(SimNetwork, bytes_arrive_one_latency_later) {
  connect();
  net_.link(host, port).latency = 20ms;
  EXPECT_EQ(write(*client_, "hello").bytes, 5U);
  loop_.run_for(20ms - 1ns);
  EXPECT_EQ(read_status(*server_), IoResult::Status::would_block);
  EXPECT_TRUE(server_->quiet());
  loop_.run_for(1ns);
  EXPECT_FALSE(server_->quiet());
  EXPECT_EQ(read(*server_), "hello");
  EXPECT_TRUE(server_->quiet());
  EXPECT_EQ(read_status(*server_), IoResult::Status::would_block);
}

TEST_F(SimNetwork, a_shorter_latency_does_not_reorder) {
  connect();
  net_.link(host, port).latency = 20ms;
  (void)write(*client_, "first ");
  net_.link(host, port).latency = 1ms;
  (void)write(*client_, "second");
  loop_.run_for(1s);
  EXPECT_EQ(read(*server_), "first second");
}

TEST_F(SimNetwork, a_full_buffer_stops_the_writer_until_the_peer_reads) {
  connect();
  net_.link(host, port).buffer_bytes = 10;
  EXPECT_EQ(write(*client_, pattern(25)).bytes, 10U);
  EXPECT_EQ(write(*client_, "x").status, IoResult::Status::would_block);
  loop_.run_for(1h);
  EXPECT_EQ(write(*client_, "x").status, IoResult::Status::would_block);
  EXPECT_EQ(read(*server_).size(), 10U);
  EXPECT_EQ(write(*client_, "x").status, IoResult::Status::would_block);
  loop_.run_for(1ms);
  EXPECT_EQ(write(*client_, pattern(25)).bytes, 10U);
}

TEST_F(SimNetwork, whatever_the_buffer_everything_arrives_before_the_end) {
  for (const std::size_t buffer : {1U, 7U, 1000U, 65536U}) {
    for (const bool split : {false, true}) {
      connect();
      net_.link(host, port).buffer_bytes = buffer;
      net_.link(host, port).split_reads = split;
      std::string got;
      std::optional<IoResult::Status> end;
      tasks_.spawn(read_into(*server_, got, end));
      tasks_.spawn(write_then_close(client_, pattern(3000)));
      EXPECT_TRUE(loop_.run_until_idle(1h));
      EXPECT_EQ(got, pattern(3000));
      EXPECT_EQ(end, IoResult::Status::end);
      EXPECT_TRUE(server_->hung_up());
    }
  }
}

TEST_F(SimNetwork, a_hang_up_is_seen_while_bytes_are_unread) {
  connect();
  (void)write(*server_, "last words");
  server_.reset();
  EXPECT_FALSE(client_->hung_up());
  loop_.run_for(1ms);
  EXPECT_TRUE(client_->hung_up());
  EXPECT_EQ(read(*client_), "last words");
  EXPECT_EQ(read_status(*client_), IoResult::Status::end);
  EXPECT_EQ(read_status(*client_), IoResult::Status::end);
}

TEST_F(SimNetwork, the_other_direction_goes_on_after_end_writing) {
  connect();
  (void)write(*client_, "question");
  client_->end_writing();
  loop_.run_for(1ms);
  EXPECT_EQ(read(*server_), "question");
  EXPECT_EQ(read_status(*server_), IoResult::Status::end);
  EXPECT_EQ(write(*server_, "answer").bytes, 6U);
  loop_.run_for(1ms);
  EXPECT_FALSE(client_->hung_up());
  EXPECT_EQ(read(*client_), "answer");
}

TEST_F(SimNetwork, an_end_with_bytes_unread_resets) {
  connect();
  (void)write(*client_, "never read");
  loop_.run_for(1ms);
  (void)write(*server_, "answer");
  server_.reset();
  loop_.run_for(1ms);
  EXPECT_EQ(read(*client_), "answer");
  EXPECT_EQ(read_status(*client_), IoResult::Status::failed);
}

TEST_F(SimNetwork, the_second_write_to_a_peer_that_is_gone_fails) {
  connect();
  server_.reset();
  loop_.run_for(1ms);
  EXPECT_EQ(write(*client_, "into the void").status, IoResult::Status::done);
  loop_.run_for(2ms);
  EXPECT_EQ(write(*client_, "again").status, IoResult::Status::failed);
  EXPECT_TRUE(client_->hung_up());
}

TEST_F(SimNetwork, a_reset_loses_what_is_under_way) {
  connect();
  (void)write(*server_, "arrived");
  loop_.run_for(1ms);
  (void)write(*server_, "under way");
  static_cast<SimStream&>(*server_).reset();
  EXPECT_EQ(write(*server_, "x").status, IoResult::Status::failed);
  EXPECT_FALSE(client_->hung_up());
  loop_.run_for(1ms);
  EXPECT_TRUE(client_->hung_up());
  EXPECT_EQ(read(*client_), "arrived");
  EXPECT_EQ(read_status(*client_), IoResult::Status::failed);
  EXPECT_EQ(write(*client_, "x").status, IoResult::Status::failed);
}

TEST_F(SimNetwork, reset_after_cuts_at_every_byte) {
  for (std::size_t cut = 0; cut <= 20; ++cut) {
    SCOPED_TRACE(cut);
    net_.link(host, port).reset_after = cut;
    connect();
    std::string got;
    std::optional<IoResult::Status> end;
    tasks_.spawn(read_into(*client_, got, end));
    EXPECT_EQ(write(*client_, pattern(100)).bytes, 100U);  // the other direction does not count
    for (std::size_t i = 0; i < 21; i += 3) {
      (void)write(*server_, pattern(21).substr(i, 3));
    }
    EXPECT_TRUE(loop_.run_until_idle(1h));
    EXPECT_EQ(got, pattern(21).substr(0, cut));
    EXPECT_EQ(end, IoResult::Status::failed);
    EXPECT_EQ(write(*server_, "x").status, IoResult::Status::failed);
  }
}

TEST_F(SimNetwork, a_frozen_link_holds_everything_back) {
  connect();
  (void)write(*client_, "before");
  net_.link(host, port).frozen = true;
  (void)write(*client_, " after");
  client_.reset();
  loop_.run_for(1h);
  EXPECT_EQ(read_status(*server_), IoResult::Status::would_block);
  EXPECT_FALSE(server_->hung_up());
  net_.thaw(host, port);
  EXPECT_EQ(read(*server_), "before after");
  EXPECT_EQ(read_status(*server_), IoResult::Status::end);
}

TEST_F(SimNetwork, a_frozen_link_gives_the_writer_no_room) {
  connect();
  net_.link(host, port).buffer_bytes = 4;
  (void)write(*client_, "full");
  loop_.run_for(1ms);
  net_.link(host, port).frozen = true;
  EXPECT_EQ(read(*server_), "full");
  loop_.run_for(1h);
  EXPECT_EQ(write(*client_, "x").status, IoResult::Status::would_block);
  net_.thaw(host, port);
  EXPECT_EQ(write(*client_, "x").status, IoResult::Status::done);
}

TEST_F(SimNetwork, a_slow_link_drips) {
  connect();
  net_.link(host, port).bytes_per_second = 10;
  (void)write(*client_, pattern(100));
  std::string got;
  std::optional<IoResult::Status> end;
  tasks_.spawn(read_into(*server_, got, end));
  loop_.run_for(5s + 1ms);
  EXPECT_EQ(got.size(), 50U);
  loop_.run_for(5s);
  EXPECT_EQ(got, pattern(100));
}

TEST_F(SimNetwork, reset_all_breaks_both_ends) {
  connect();
  net_.reset_all(host, port);
  for (ByteStream* stream : {client_.get(), server_.get()}) {
    EXPECT_TRUE(stream->hung_up());
    EXPECT_EQ(read_status(*stream), IoResult::Status::failed);
  }
}

TEST_F(SimNetwork, forgets_connections_with_both_ends_gone) {
  connect();
  EXPECT_EQ(net_.open_connections(host, port), 1U);
  client_.reset();
  EXPECT_EQ(net_.open_connections(host, port), 1U);
  server_.reset();
  EXPECT_EQ(net_.open_connections(host, port), 0U);
  EXPECT_TRUE(loop_.run_until_idle(1h));
}

// The sizes in which 1000 bytes are read.
std::vector<std::size_t> split_of(std::uint64_t seed) {
  SimLoop loop;
  auto link = std::make_shared<SimLink>();
  link->split_reads = true;
  const SimPair pair = connect_sim(loop, link, seed);
  std::string bytes = pattern(1000);
  const iovec piece{bytes.data(), bytes.size()};
  (void)pair.dialer->try_write({&piece, 1});
  loop.run_for(1s);
  std::vector<std::size_t> sizes;
  std::string buffer(1000, '\0');
  for (std::size_t left = 1000; left > 0; left -= sizes.back()) {
    EXPECT_FALSE(pair.listener->quiet());
    sizes.push_back(pair.listener->try_read(buffer).bytes);
  }
  return sizes;
}

TEST(SimStream, splits_reads_by_the_seed_alone) {
  EXPECT_EQ(split_of(1), split_of(1));
  EXPECT_NE(split_of(1), split_of(2));
  EXPECT_GT(split_of(1).size(), 1U);
}

}  // namespace
}  // namespace rocket
