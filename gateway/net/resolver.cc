#include "net/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

namespace rocket {

Result<std::vector<SocketAddress>> Resolver::system_look_up(const std::string& host,
                                                            std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code == EAI_MEMORY || (code == EAI_SYSTEM && (errno == EMFILE || errno == ENFILE))) {
    return fail(ErrorCode::overloaded, "no descriptor or memory is left to resolve " + host);
  }
  if (code != 0) return fail(ErrorCode::connect_failed, ::gai_strerror(code));
  std::vector<SocketAddress> addresses;
  for (const addrinfo* item = found; item != nullptr; item = item->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, item->ai_addr, item->ai_addrlen);
    address.length = item->ai_addrlen;
    addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  return addresses;
}

std::optional<SocketAddress> SocketAddress::from_literal(const std::string& host,
                                                         std::uint16_t port) {
  SocketAddress address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.length = sizeof v4;
    return address;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.length = sizeof v6;
    return address;
  }
  return std::nullopt;
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
}

std::optional<IpAddress> SocketAddress::ip() const {
  if (storage.ss_family == AF_INET) {
    return IpAddress::v4(ntohl(reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr));
  }
  if (storage.ss_family != AF_INET6) return std::nullopt;
  IpAddress address;
  std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr,
              address.bytes.size());
  return address;
}

struct Resolver::Lookup {
  explicit Lookup(RunQueue& queue) : answered(queue) {}
  Result<std::vector<SocketAddress>> addresses = fail(ErrorCode::internal);
  bool done = false;
  WaitSlot answered;
};

// The threads that block. Detached, since getaddrinfo can not be interrupted: they and the
// resolver share this object, and whoever goes last frees it.
class Resolver::Workers {
 public:
  struct Question {
    std::string host;
    std::uint16_t port;
    std::shared_ptr<Lookup> lookup;
  };

  Workers(EpollLoop& loop, size_t threads_max, LookUp look_up)
      : loop_(&loop), threads_max_(threads_max), look_up_(std::move(look_up)) {}

  // Makes one free for a further question, if there may be more. False: there is none at all, as
  // the system can start no more.
  [[nodiscard]] static bool free_one(const std::shared_ptr<Workers>& workers) {
    const std::lock_guard lock(workers->mutex_);
    if (workers->free_ > workers->questions_.size() || workers->threads_ == workers->threads_max_)
      return true;
    try {
      std::thread([workers] { workers->run(); }).detach();
      ++workers->threads_;
      ++workers->free_;
    } catch (const std::system_error&) {
      return workers->threads_ != 0;
    }
    return true;
  }

  void ask(Question question) {
    const std::lock_guard lock(mutex_);
    questions_.push_back(std::move(question));
    changed_.notify_one();
  }

  // False: too many are waiting.
  [[nodiscard]] bool ask_once(Question question) {
    constexpr size_t waiting_max = 64;
    const std::lock_guard lock(mutex_);
    // Whoever asked may have gone.
    std::erase_if(questions_, [](const Question& one) { return one.lookup.use_count() == 1; });
    if (questions_.size() >= waiting_max) return false;
    questions_.push_back(std::move(question));
    changed_.notify_one();
    return true;
  }

  void abandon() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
    questions_.clear();
    changed_.notify_all();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return loop_ == nullptr || !questions_.empty(); });
      if (loop_ == nullptr) return;
      Question question = std::move(questions_.front());
      questions_.pop_front();
      if (question.lookup.use_count() == 1) continue;  // nobody waits for it any more
      --free_;
      lock.unlock();
      auto addresses = look_up_(question.host, question.port);
      lock.lock();
      ++free_;
      if (loop_ == nullptr) return;
      loop_->post([lookup = std::move(question.lookup), addresses = std::move(addresses)] {
        lookup->addresses = addresses;
        lookup->done = true;
        lookup->answered.signal_all();
      });
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Question> questions_;
  EpollLoop* loop_;
  size_t threads_ = 0;
  size_t free_ = 0;
  const size_t threads_max_;
  const LookUp look_up_;
};

Resolver::Resolver(EpollLoop& loop, Settings settings)
    : loop_(loop), settings_(std::move(settings)) {}

Resolver::~Resolver() {
  if (workers_) workers_->abandon();
}

bool Resolver::has_threads() {
  if (!workers_) {
    workers_ = std::make_shared<Workers>(loop_, settings_.threads, settings_.look_up);
  }
  return Workers::free_one(workers_);
}

std::shared_ptr<Resolver::Lookup> Resolver::look_up(const Key& key) {
  const auto under_way = pending_.find(key);
  if (under_way != pending_.end() && !under_way->second->done) return under_way->second;
  if (!has_threads()) return nullptr;
  std::shared_ptr<Lookup>& pending = pending_[key];
  pending = std::make_shared<Lookup>(loop_.run_queue());
  workers_->ask({key.first, key.second, pending});
  return pending;
}

Task<Result<std::vector<SocketAddress>>> Resolver::resolve(std::string host, std::uint16_t port,
                                                           TimePoint deadline) {
  if (const auto literal = SocketAddress::from_literal(host, port)) {
    co_return std::vector<SocketAddress>{*literal};
  }
  const Key key(host, port);
  const auto known = known_.find(key);
  if (known != known_.end()) {
    take_answer(key, known->second);
    const Duration age = loop_.now() - known->second.since;
    if (age < settings_.lifetime) co_return known->second.addresses;
    // The last good answer serves at once; a fresh one is for the next to come. Unless nobody has
    // come for long: then it may be any age.
    const std::shared_ptr<Lookup> lookup = look_up(key);
    if (lookup && age >= settings_.lifetime * 2) {
      const TimePoint enough = deadline_after(loop_.now(), settings_.patience);
      if (!lookup->done) co_await Wait(loop_, lookup->answered, std::min(deadline, enough));
      take_answer(key, known->second);
    }
    co_return known->second.addresses;
  }
  const std::shared_ptr<Lookup> lookup = look_up(key);
  if (!lookup) co_return fail(ErrorCode::overloaded, "no thread is left to resolve " + host);
  if (!lookup->done) {
    co_await Wait(loop_, lookup->answered, deadline);
  }
  if (!lookup->done) {
    co_return fail(ErrorCode::connect_timeout, "the name " + host + " was not resolved in time");
  }
  if (lookup->addresses) known_[key] = {*lookup->addresses, loop_.now()};
  pending_.erase(key);
  co_return lookup->addresses;
}

Task<Result<std::vector<SocketAddress>>> Resolver::resolve_once(std::string host,
                                                                TimePoint deadline) {
  if (const auto literal = SocketAddress::from_literal(host, 0)) {
    co_return std::vector<SocketAddress>{*literal};
  }
  const auto lookup = std::make_shared<Lookup>(loop_.run_queue());
  if (!has_threads() || !workers_->ask_once({host, 0, lookup})) {
    co_return fail(ErrorCode::overloaded, "too many names are being resolved; try again soon");
  }
  if (!lookup->done) co_await Wait(loop_, lookup->answered, deadline);
  if (!lookup->done) co_return fail(ErrorCode::connect_timeout);
  co_return lookup->addresses;
}

void Resolver::prefer(const std::string& host, std::uint16_t port, const SocketAddress& address) {
  const auto known = known_.find(Key(host, port));
  if (known == known_.end()) return;
  known->second.preferred = address;
  put_first(known->second);
}

void Resolver::put_first(Known& known) {
  if (!known.preferred) return;
  const auto found = std::ranges::find(known.addresses, *known.preferred);
  if (found != known.addresses.end()) std::rotate(known.addresses.begin(), found, found + 1);
}

void Resolver::take_answer(const Key& key, Known& known) {
  const auto pending = pending_.find(key);
  if (pending == pending_.end() || !pending->second->done) return;
  if (pending->second->addresses) known.addresses = *pending->second->addresses;
  put_first(known);
  known.since = loop_.now();
  pending_.erase(pending);
}

}  // namespace rocket
