#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/io.h"
#include "testing/fake_plan.h"
#include "testing/fake_script.h"
#include "testing/recorder.h"
#include "wire/http_message.h"

namespace rocket {

struct FakeCounters {
  std::uint64_t connections = 0;
  std::uint64_t open_connections = 0;
  std::uint64_t requests = 0;   // for tokens or vectors
  std::uint64_t probes = 0;     // all others
  std::uint64_t malformed = 0;  // not HTTP as the gateway should write it
  // Of `requests`: their sum, unless the task that served one was destroyed.
  std::uint64_t in_flight = 0;
  std::uint64_t played = 0;   // answered to the end of the plan, whatever that was
  std::uint64_t aborted = 0;  // the client went first
  std::uint64_t in_flight_max = 0;
  std::uint64_t models_loaded = 0;
  // Of them, while answers of another model were under way that it pushed out.
  std::uint64_t disturbances = 0;
};

// A model server that does as its script says, on one loop, over whatever stream it is given.
//
//   net.listen("vllm-0", 8000, [&](auto stream) { tasks.spawn(fake.serve(std::move(stream))); });
class FakeBackend {
 public:
  // `reset` breaks a connection so that the peer sees a reset; ByteStream has no such thing.
  using Reset = std::function<void(ByteStream&)>;

  FakeBackend(Timers& timers, FakeScript script, Reset reset)
      : timers_(timers), script_(std::move(script)), reset_(std::move(reset)) {}

  // A request for tokens or vectors that has arrived, and the script as it stands then.
  struct Asked {
    const RequestHead& head;
    const std::string& body;
    const FakeScript& script;
  };
  // Is told of each; what it returns is destroyed as soon as all of the answer has been said, or
  // its client has gone before.
  using Watch = std::function<std::shared_ptr<void>(const Asked&)>;
  void watch(Watch watch) { watch_ = std::move(watch); }

  // Serves one connection until either side ends it. The backend outlives it.
  [[nodiscard]] Task<> serve(std::unique_ptr<ByteStream> stream);

  // May be changed at any time; holds for requests that have not been read yet.
  [[nodiscard]] FakeScript& script() { return script_; }
  [[nodiscard]] const FakeCounters& counters() const { return counters_; }
  [[nodiscard]] Recorder& recorder() { return recorder_; }

 private:
  struct Connection;
  class InFlight;

  [[nodiscard]] Task<bool> read_request(Connection& connection);
  [[nodiscard]] FakePlan plan_for(const FakeRequest& request, const RequestHead& head) const;
  [[nodiscard]] Task<bool> answer(Connection& connection);
  [[nodiscard]] Task<bool> load_model(ByteStream& stream, std::string model);
  [[nodiscard]] Task<bool> play(ByteStream& stream, FakePlan plan, std::shared_ptr<void> watched);
  [[nodiscard]] Task<bool> finish(ByteStream& stream, FakePlan::End end, std::string last);
  [[nodiscard]] Task<bool> write(ByteStream& stream, std::string bytes);
  [[nodiscard]] Task<bool> pause(ByteStream& stream, Duration time);

  Timers& timers_;
  FakeScript script_;
  Reset reset_;
  Watch watch_;
  FakeCounters counters_;
  std::string loading_;
  TimePoint loaded_at_{};
  Recorder recorder_;
};

}  // namespace rocket
