#include "config_reader.h"

#include <system_error>
#include <utility>

namespace rocket {

Task<ConfigReading> ConfigReader::read(std::function<ConfigReading()> how) {
  while (busy_) {
    co_await Wait(loop_, changed_, never);
  }
  const auto place = std::make_shared<Place>();
  start(std::move(how), place);
  while (!*place) {
    co_await Wait(loop_, changed_, never);
  }
  co_return std::move(**place);
}

// Whoever waits for it may have gone before it is read: the place is shared.
void ConfigReader::start(std::function<ConfigReading()> how, std::shared_ptr<Place> place) {
  busy_ = true;
  join();
  const auto work = [this, how = std::move(how), place = std::move(place)] {
    auto reading = std::make_shared<ConfigReading>(how());
    loop_.post([this, place, reading] {
      *place = std::move(*reading);
      busy_ = false;
      changed_.signal_all();
    });
  };
  try {
    thread_ = std::thread(work);
  } catch (const std::system_error&) {
    work();
  }
}

}  // namespace rocket
