#include "net/resolver.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>

#include <atomic>
#include <mutex>

namespace rocket {
namespace {

using namespace std::chrono_literals;

constexpr Duration lifetime = 20ms;

std::vector<SocketAddress> addresses(const std::string& literal) {
  return {SocketAddress::from_literal(literal, 80).value()};
}

// What the name means now; asked on the resolver's thread, which may outlive the test.
class Names {
 public:
  void say(Result<std::vector<SocketAddress>> answer) {
    const std::lock_guard lock(state_->mutex);
    state_->answer = std::move(answer);
  }
  [[nodiscard]] Resolver::LookUp look_up() {
    return [state = state_](const std::string&, std::uint16_t) {
      const std::lock_guard lock(state->mutex);
      ++state->asked;
      return state->answer;
    };
  }
  // Nobody gets an answer as long as it is held.
  [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(state_->mutex); }
  [[nodiscard]] int asked() const { return state_->asked; }

 private:
  struct State {
    std::mutex mutex;
    std::atomic<int> asked = 0;
    Result<std::vector<SocketAddress>> answer = fail(ErrorCode::connect_failed);
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

std::string text_of(const SocketAddress& address) {
  char text[INET_ADDRSTRLEN] = {};
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
  ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return text;
}

// What a name is told to mean, and what the resolver says then, after a pause.
struct Step {
  Result<std::vector<SocketAddress>> told;
  Duration pause;
  std::string expected;
};

Task<void> play(EpollLoop& loop, Resolver& resolver, Names& names, std::vector<Step> steps) {
  for (const Step& step : steps) {
    names.say(step.told);
    co_await SleepUntil(loop, loop.now() + step.pause);
    std::string host = "name";
    const TimePoint deadline = loop.now() + 5s;
    const auto result = co_await resolver.resolve(std::move(host), 80, deadline);
    EXPECT_EQ(result ? text_of(result->front()) : std::string(to_string(result.error().code)),
              step.expected);
  }
  loop.stop();
}

// How often the name was asked about.
int play(std::vector<Step> steps) {
  Names names;
  EpollLoop loop;
  Resolver resolver(loop, {.lifetime = lifetime, .patience = 5s, .look_up = names.look_up()});
  TaskGroup tasks(loop.run_queue());
  tasks.spawn(play(loop, resolver, names, std::move(steps)));
  loop.run();
  return names.asked();
}

TEST(Resolver, AnAnswerServesForAWhile) {
  EXPECT_EQ(
      play({{addresses("10.0.0.1"), {}, "10.0.0.1"}, {addresses("10.0.0.2"), {}, "10.0.0.1"}}), 1);
}

TEST(Resolver, AChangeIsFollowedHoweverLongNobodyHasAsked) {
  play({{addresses("10.0.0.1"), {}, "10.0.0.1"},
        {addresses("10.0.0.2"), lifetime * 2, "10.0.0.2"},
        {addresses("10.0.0.3"), lifetime * 10, "10.0.0.3"}});
}

TEST(Resolver, TheLastGoodAnswerStands) {
  play({{addresses("10.0.0.1"), {}, "10.0.0.1"},
        {fail(ErrorCode::connect_failed), lifetime * 2, "10.0.0.1"},
        {fail(ErrorCode::connect_failed), lifetime * 2, "10.0.0.1"},
        {addresses("10.0.0.2"), lifetime * 2, "10.0.0.2"}});
}

TEST(Resolver, AnUnknownNameIsAskedAboutAgain) {
  EXPECT_EQ(play({{fail(ErrorCode::connect_failed), {}, "connect_failed"},
                  {addresses("10.0.0.1"), {}, "10.0.0.1"}}),
            2);
}

// The loop goes on meanwhile: it is what ends the wait. An answer that is there already serves on.
TEST(Resolver, ALookUpThatTakesLongKeepsNobodyLonger) {
  Names names;
  names.say(addresses("10.0.0.1"));
  EpollLoop loop;
  Resolver resolver(loop, {.lifetime = 1ms, .patience = 10ms, .look_up = names.look_up()});
  const auto run = [](EpollLoop& on, Resolver& by, Names& told, std::string& out) -> Task<void> {
    const auto first = co_await by.resolve("name", 80, never);
    if (first) out += text_of(first->front());
    co_await SleepUntil(on, on.now() + 5ms);
    const auto held = told.hold();
    const auto second = co_await by.resolve("name", 80, never);
    if (second) out += ' ' + text_of(second->front());
    const TimePoint soon = on.now() + 10ms;
    const auto third = co_await by.resolve("another", 80, soon);
    if (!third) out += ' ' + std::string(to_string(third.error().code));
    on.stop();
  };
  std::string said;
  TaskGroup tasks(loop.run_queue());
  tasks.spawn(run(loop, resolver, names, said));
  loop.run();
  EXPECT_EQ(said, "10.0.0.1 10.0.0.1 connect_timeout");
}

// Its servers may say nothing for half a minute.
TEST(Resolver, ANameThatTakesLongHoldsUpNoOther) {
  Names slow;
  Names quick;
  quick.say(addresses("10.0.0.1"));
  EpollLoop loop;
  Resolver resolver(loop, {.lifetime = 1h,
                           .patience = 5s,
                           .threads = 2,
                           .look_up = [slow = slow.look_up(), quick = quick.look_up()](
                                          const std::string& host, std::uint16_t port) {
                             return host == "slow" ? slow(host, port) : quick(host, port);
                           }});
  const auto run = [](EpollLoop& on, Resolver& by, std::string host, Duration time,
                      std::string& out) -> Task<void> {
    const TimePoint deadline = on.now() + time;
    const auto found = co_await by.resolve(std::move(host), 80, deadline);
    out += (found ? text_of(found->front()) : std::string(to_string(found.error().code))) + ' ';
    if (!found) on.stop();
  };
  std::string said;
  const auto held = slow.hold();
  TaskGroup tasks(loop.run_queue());
  tasks.spawn(run(loop, resolver, "slow", 50ms, said));
  tasks.spawn(run(loop, resolver, "quick", 10s, said));
  tasks.spawn(run(loop, resolver, "other", 10s, said));
  loop.run();
  EXPECT_EQ(said, "10.0.0.1 10.0.0.1 connect_timeout ");
}

// Whatever order the name's servers tell them in.
TEST(Resolver, AnAddressThatAnsweredComesFirst) {
  Names names;
  EpollLoop loop;
  Resolver resolver(loop, {.lifetime = lifetime, .patience = 5s, .look_up = names.look_up()});
  const auto run = [](EpollLoop& on, Resolver& by, Names& told, std::string& out) -> Task<void> {
    std::vector<SocketAddress> two = addresses("10.0.0.1");
    two.push_back(addresses("10.0.0.2").front());
    told.say(two);
    const auto first = co_await by.resolve("name", 80, on.now() + 5s);
    if (first) out += text_of(first->front());
    by.prefer("name", 80, two[1]);
    for (int i = 0; i < 2; ++i) {
      const auto next = co_await by.resolve("name", 80, on.now() + 5s);
      if (next) out += ' ' + text_of(next->front()) + ' ' + text_of(next->back());
      co_await SleepUntil(on, on.now() + lifetime * 2);
    }
    told.say(addresses("10.0.0.3"));
    co_await SleepUntil(on, on.now() + lifetime * 2);
    const auto last = co_await by.resolve("name", 80, on.now() + 5s);
    if (last) out += ' ' + text_of(last->front());
    on.stop();
  };
  std::string said;
  TaskGroup tasks(loop.run_queue());
  tasks.spawn(run(loop, resolver, names, said));
  loop.run();
  EXPECT_EQ(said, "10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.3");
}

// Nothing is kept of it: neither the answer, which the next one may not be given, nor the name.
TEST(Resolver, AStrangersNameIsAskedAboutEachTime) {
  Names names;
  EpollLoop loop;
  Resolver resolver(loop, {.lifetime = 1h, .patience = 5s, .look_up = names.look_up()});
  const auto run = [](EpollLoop& on, Resolver& by, Names& told, std::string& out) -> Task<void> {
    for (const char* address : {"10.0.0.1", "10.0.0.2"}) {
      told.say(addresses(address));
      const auto found = co_await by.resolve_once("name", on.now() + 5s);
      if (found) out += text_of(found->front()) + ' ';
    }
    told.say(fail(ErrorCode::connect_failed));
    const auto none = co_await by.resolve_once("name", on.now() + 5s);
    if (!none) out += to_string(none.error().code);
    const auto literal = co_await by.resolve_once("10.0.0.3", on.now() + 5s);
    if (literal) out += ' ' + text_of(literal->front());
    on.stop();
  };
  std::string said;
  TaskGroup tasks(loop.run_queue());
  tasks.spawn(run(loop, resolver, names, said));
  loop.run();
  EXPECT_EQ(said, "10.0.0.1 10.0.0.2 connect_failed 10.0.0.3");
  EXPECT_EQ(names.asked(), 3);
}

// So many names wait to be asked, as long as somebody waits for them; those who went have given
// their places back.
TEST(Resolver, StrangersNamesThatWaitAreBounded) {
  Names names;
  names.say(addresses("10.0.0.1"));
  EpollLoop loop;
  Resolver resolver(loop,
                    {.lifetime = 1h, .patience = 5s, .threads = 1, .look_up = names.look_up()});
  const auto ask = [](Resolver& by, std::string name, TimePoint until,
                      int& overloaded) -> Task<void> {
    const auto found = co_await by.resolve_once(std::move(name), until);
    if (!found && found.error().code == ErrorCode::overloaded) ++overloaded;
  };
  const auto stop = [](EpollLoop& on) -> Task<void> {
    co_await SleepUntil(on, on.now() + 20ms);
    on.stop();
  };
  int overloaded = 0;
  auto held = names.hold();
  {
    TaskGroup tasks(loop.run_queue());
    for (int i = 0; i < 100; ++i)
      tasks.spawn(ask(resolver, "name" + std::to_string(i), loop.now() + 10s, overloaded));
    tasks.spawn(stop(loop));
    loop.run();
  }
  // The one that is being asked about does not wait any more, if its thread was fast enough.
  EXPECT_GE(overloaded, 35);
  EXPECT_LE(overloaded, 36);
  overloaded = 0;
  {
    TaskGroup tasks(loop.run_queue());
    for (int i = 0; i < 60; ++i)
      tasks.spawn(ask(resolver, "name" + std::to_string(i), loop.now() + 10s, overloaded));
    tasks.spawn(stop(loop));
    loop.run();
  }
  EXPECT_EQ(overloaded, 0);
}

}  // namespace
}  // namespace rocket
