#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <vector>

#include "proxy/control.h"
#include "proxy/data_operations.h"
#include "testing/fake_backend.h"
#include "testing/sim_gateway.h"
#include "worker.h"

namespace rocket {
namespace {

// A fake backend on a real socket and a thread of its own.
class FakeThread {
 public:
  FakeThread()
      : fake_(loop_, FakeScript{}, [](ByteStream&) {}),
        count_(loop_.run_queue(), 1000),
        tasks_(loop_.run_queue()) {
    auto socket = listen_tcp("127.0.0.1", 0, false);
    ROCKET_ASSERT(socket.has_value());
    port = local_port(*socket);
    listener_ = std::make_unique<Listener>(loop_, std::move(*socket), count_);
    tasks_.spawn(listener_->accept_all([this](std::unique_ptr<ByteStream> stream) {
      tasks_.spawn(fake_.serve(std::move(stream)));
    }));
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~FakeThread() {
    loop_.stop();
    thread_.join();
  }

  std::uint16_t port = 0;

 private:
  EpollLoop loop_;
  FakeBackend fake_;
  ConnectionCount count_;
  std::unique_ptr<Listener> listener_;
  TaskGroup tasks_;
  std::thread thread_;
};

// The whole answer to `request`, whose connection ends with it.
std::string ask(std::uint16_t port, const std::string& request) {
  const FileDescriptor fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return answer;
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return answer;
  std::vector<char> buffer(64 * 1024);
  for (ssize_t count = 1; count > 0;) {
    count = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (count > 0) answer.append(buffer.data(), static_cast<size_t>(count));
  }
  return answer;
}

// The id of a response that continues `previous`; empty: there was none.
std::string respond(std::uint16_t port, const std::string& previous, bool stream) {
  const std::string continues =
      previous.empty() ? "" : R"(,"previous_response_id":")" + previous + "\"";
  const std::string body =
      R"({"input":"x","stream":)" + std::string(stream ? "true" : "false") + continues + "}";
  const std::string answer = ask(port, sim_post("/v1/responses", body, "Connection: close\r\n"));
  const size_t begin = answer.find("resp_");
  if (!answer.contains(R"("status":"completed")") || begin == std::string::npos) return {};
  return answer.substr(begin, answer.find('"', begin) - begin);
}

// Several loops answer while loop 0 probes, publishes configurations and counts are scraped:
// what they share must be shared as the design says. Meant for the thread sanitizer.
TEST(Threads, LoopsShareOnlyWhatTheyMay) {
  constexpr size_t loops = 3;
  FakeThread fake;
  ByteBudget bodies(64U * 1024 * 1024);
  Metrics metrics(loops);
  Log log(-1);
  Bells bells;
  const Worker::Shared shared{metrics, bodies, bells, -1};
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::uint16_t> ports;
  for (size_t i = 0; i < loops; ++i) {
    workers.push_back(std::make_unique<Worker>(i, shared, i));
    Worker& worker = *workers.back();
    auto socket = listen_tcp("127.0.0.1", 0, false);
    ASSERT_TRUE(socket);
    ports.push_back(local_port(*socket));
    worker.count.set_most(1000);
    worker.listen(std::move(*socket), worker.data);
  }
  std::atomic<bool> running = false;
  Control control(workers[0]->state, log, [&](const auto& snapshot, const auto& router) {
    for (const auto& worker : workers) {
      const auto replace = [&state = worker->state, snapshot, router] {
        state.replace(snapshot, router);
      };
      if (!running || worker == workers.front()) {
        replace();
      } else {
        worker->loop.post(replace);
      }
    }
  });
  for (const auto& worker : workers) {
    add_data_operations(
        worker->data, {.ready = [&] { return control.probed(); }, .serving = [] { return true; }});
  }
  Config config;
  config.health.interval = std::chrono::milliseconds(5);
  BackendConfig backend;
  backend.name = "fake";
  backend.default_model = "fake-model";
  backend.urls.push_back({.tls = false, .host = "127.0.0.1", .port = fake.port, .base_path = ""});
  config.backends.push_back(backend);
  config.order.push_back("fake");
  ASSERT_TRUE(control.apply(config));
  running = true;
  std::vector<std::thread> threads;
  for (const auto& worker : workers)
    threads.emplace_back([&worker] { worker->loop.run(); });

  std::atomic<int> whole = 0;
  std::atomic<int> continued = 0;
  constexpr int each = 60;
  std::vector<std::thread> clients;
  for (const std::uint16_t port : ports) {
    clients.emplace_back([port, &ports, &whole, &continued] {
      std::string previous;
      for (int i = 0; i < each; ++i) {
        const std::string body = R"({"stream":true,"messages":[{"role":"user","content":"x"}]})";
        const std::string answer =
            ask(port, sim_post("/v1/chat/completions", body, "Connection: close\r\n"));
        whole += answer.contains("data: [DONE]") ? 1 : 0;
        (void)ask(port, "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        // What one loop keeps, the next one continues.
        const std::uint16_t other = ports[static_cast<size_t>(i) % ports.size()];
        previous = respond(other, previous, i % 2 == 0);
        continued += previous.empty() ? 0 : 1;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    workers[0]->loop.post([&, i] {
      Config changed = config;
      changed.timeouts.idle = std::chrono::seconds(10 + i);
      EXPECT_TRUE(control.apply(changed));
    });
    EXPECT_FALSE(metrics.collect(TimePoint{}).empty());
  }
  for (std::thread& client : clients)
    client.join();
  for (const auto& worker : workers)
    worker->loop.stop();
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(whole, each * static_cast<int>(loops));
  EXPECT_EQ(continued, each * static_cast<int>(loops));
}

}  // namespace
}  // namespace rocket
