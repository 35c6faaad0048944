#pragma once

#include <sys/socket.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/epoll_loop.h"
#include "net/io.h"

namespace rocket {

// A socket address as the kernel takes it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  // An IPv4 or IPv6 literal; nullopt for anything else.
  [[nodiscard]] static std::optional<SocketAddress> from_literal(const std::string& host,
                                                                 std::uint16_t port);
  [[nodiscard]] bool operator==(const SocketAddress& other) const;
  // nullopt for what is neither IPv4 nor IPv6.
  [[nodiscard]] std::optional<IpAddress> ip() const;
};

// Names to addresses, off the loop: getaddrinfo blocks, so threads of its own run it (started when
// there are names for them; literals need none). Several, as one name whose servers say nothing
// takes half a minute, and is to hold up no other. An answer serves for `lifetime`, and as long
// again while a fresh one is fetched; after that the fresh one is waited for, for a while. When a
// look-up fails, or takes longer, the last good answer stands. One per loop.
class Resolver {
 public:
  // At least one address, or an error; called on the thread. Another one than the system's for
  // tests.
  using LookUp = std::function<Result<std::vector<SocketAddress>>(const std::string& host,
                                                                  std::uint16_t port)>;
  [[nodiscard]] static Result<std::vector<SocketAddress>> system_look_up(const std::string& host,
                                                                         std::uint16_t port);
  struct Settings {
    Duration lifetime = std::chrono::seconds(5);
    Duration patience = std::chrono::milliseconds(500);
    size_t threads = 4;
    LookUp look_up = system_look_up;
  };

  explicit Resolver(EpollLoop& loop) : Resolver(loop, Settings()) {}
  Resolver(EpollLoop& loop, Settings settings);
  ~Resolver();

  // At least one address, or connect_failed (with the system's words) or connect_timeout;
  // overloaded if it is this machine that can do no more.
  [[nodiscard]] Task<Result<std::vector<SocketAddress>>> resolve(std::string host,
                                                                 std::uint16_t port,
                                                                 TimePoint deadline);

  // This one of a name's addresses could be connected to, unlike those before it: it comes first
  // for as long as the name means it.
  void prefer(const std::string& host, std::uint16_t port, const SocketAddress& address);

  // The same as resolve() for a name that nobody is going to ask for again, and whose port does not
  // matter: nothing of it is kept. Beyond some dozens of names that wait to be asked, overloaded.
  [[nodiscard]] Task<Result<std::vector<SocketAddress>>> resolve_once(std::string host,
                                                                      TimePoint deadline);

 private:
  class Workers;
  struct Lookup;
  using Key = std::pair<std::string, std::uint16_t>;
  struct Known {
    std::vector<SocketAddress> addresses;
    TimePoint since;
    std::optional<SocketAddress> preferred{};
  };

  // The one question about `key` that is under way. Null: there is no thread to ask it.
  [[nodiscard]] std::shared_ptr<Lookup> look_up(const Key& key);
  // There is a thread, and one that is free if there may be.
  [[nodiscard]] bool has_threads();
  void take_answer(const Key& key, Known& known);
  static void put_first(Known& known);

  EpollLoop& loop_;
  Settings settings_;
  std::shared_ptr<Workers> workers_;
  std::map<Key, Known> known_;
  std::map<Key, std::shared_ptr<Lookup>> pending_;
};

}  // namespace rocket
