#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "testing/sim_loop.h"
#include "testing/sim_stream.h"

namespace rocket {

// A network of names and ports on a SimLoop: the same seed and the same calls give the same run.
// Outlives neither the loop nor what waits in its dialer.
class SimNet : private Dialer {
 public:
  // Takes over the listener's end of a new connection.
  using Accept = std::function<void(std::unique_ptr<ByteStream>)>;

  SimNet(SimLoop& loop, std::uint64_t seed) : loop_(loop), random_(seed) {}

  void listen(const std::string& host, std::uint16_t port, Accept on_accept);
  // New connections are refused; open ones stay.
  void stop_listening(const std::string& host, std::uint16_t port);

  // The link to that address, for all its connections. Valid as long as the net.
  [[nodiscard]] SimLink& link(const std::string& host, std::uint16_t port);
  // Ends `frozen` and lets arrive what it held back.
  void thaw(const std::string& host, std::uint16_t port);
  // The name means another one from `seen_at` on, for whoever dials then, as when an address in the
  // DNS changes and a resolver's memory of it is over. Open connections stay where they are.
  void rename(const std::string& name, std::uint16_t port, std::string means, TimePoint seen_at);
  // Resets every open connection of that address at once.
  void reset_all(const std::string& host, std::uint16_t port);

  // What a name means to who asks for addresses: the first time the first of `answers`, and so on;
  // the last one stands. An address means itself, any other name nothing.
  void name(const std::string& host, std::vector<std::vector<std::string>> answers) {
    names_[host] = {std::move(answers), 0};
  }
  // How often the name has been asked for.
  [[nodiscard]] std::size_t asked_for(const std::string& host) { return names_[host].asked; }

  // A dial takes a round trip. A name without any listener or link is not known: connect_failed.
  [[nodiscard]] Dialer& dialer() { return *this; }

  [[nodiscard]] std::uint64_t dials() const { return dials_; }
  // Connections to that address of which at least one end is open.
  [[nodiscard]] std::size_t open_connections(const std::string& host, std::uint16_t port);

 private:
  struct Host {
    std::shared_ptr<SimLink> link = std::make_shared<SimLink>();
    Accept on_accept;
    std::vector<std::weak_ptr<SimConnection>> connections;
  };

  [[nodiscard]] Task<Result<std::unique_ptr<ByteStream>>> dial(Address address,
                                                               TimePoint deadline) override;
  [[nodiscard]] Task<Result<std::vector<IpAddress>>> resolve(std::string host,
                                                             TimePoint deadline) override;
  static void forget_closed(Host& host);
  [[nodiscard]] static std::vector<std::shared_ptr<SimConnection>> connections(Host& host);
  [[nodiscard]] Host& host_at(const std::string& host, std::uint16_t port);
  struct Renaming {
    TimePoint seen_at;
    std::string means;
  };
  [[nodiscard]] const std::string& meaning_of(const Address& address) const;

  SimLoop& loop_;
  Random random_;
  std::uint64_t dials_ = 0;
  std::map<std::pair<std::string, std::uint16_t>, Host> hosts_;
  std::map<std::pair<std::string, std::uint16_t>, std::vector<Renaming>> renamings_;
  struct Name {
    std::vector<std::vector<std::string>> answers;
    std::size_t asked = 0;
  };
  std::map<std::string, Name> names_;
};

}  // namespace rocket
