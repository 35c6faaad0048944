#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "config/read_config.h"
#include "net/epoll_loop.h"

namespace rocket {

// Reads configurations beside the loop that wants them, one at a time: thousands of keys take
// YAML a fifth of a second. Belongs to that loop and outlives its tasks.
class ConfigReader {
 public:
  explicit ConfigReader(EpollLoop& loop) : loop_(loop), changed_(loop.run_queue()) {}
  ConfigReader(const ConfigReader&) = delete;
  ConfigReader& operator=(const ConfigReader&) = delete;
  ~ConfigReader() { join(); }

  // `how` runs on another thread, or here if there are none to be had.
  [[nodiscard]] Task<ConfigReading> read(std::function<ConfigReading()> how);

  // Waits for the thread; what it has read is not taken up any more.
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  using Place = std::optional<ConfigReading>;
  void start(std::function<ConfigReading()> how, std::shared_ptr<Place> place);

  EpollLoop& loop_;
  WaitSlot changed_;
  bool busy_ = false;
  std::thread thread_;
};

}  // namespace rocket
