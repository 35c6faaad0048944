#include "testing/sim_net.h"

#include <algorithm>

namespace rocket {
namespace {

constexpr Duration name_time = std::chrono::milliseconds(1);

}  // namespace

SimNet::Host& SimNet::host_at(const std::string& host, std::uint16_t port) {
  return hosts_[{host, port}];
}

void SimNet::listen(const std::string& host, std::uint16_t port, Accept on_accept) {
  host_at(host, port).on_accept = std::move(on_accept);
}

void SimNet::stop_listening(const std::string& host, std::uint16_t port) {
  host_at(host, port).on_accept = nullptr;
}

SimLink& SimNet::link(const std::string& host, std::uint16_t port) {
  return *host_at(host, port).link;
}

void SimNet::forget_closed(Host& host) {
  std::erase_if(host.connections, [](const auto& connection) { return connection.expired(); });
}

std::vector<std::shared_ptr<SimConnection>> SimNet::connections(Host& host) {
  forget_closed(host);
  std::vector<std::shared_ptr<SimConnection>> open;
  open.reserve(host.connections.size());
  for (const auto& connection : host.connections)
    open.push_back(connection.lock());
  return open;
}

std::size_t SimNet::open_connections(const std::string& host, std::uint16_t port) {
  return connections(host_at(host, port)).size();
}

void SimNet::thaw(const std::string& host, std::uint16_t port) {
  Host& at = host_at(host, port);
  at.link->frozen = false;
  for (const auto& connection : connections(at))
    resume_sim(*connection);
}

void SimNet::reset_all(const std::string& host, std::uint16_t port) {
  for (const auto& connection : connections(host_at(host, port)))
    break_sim(*connection);
}

void SimNet::rename(const std::string& name, std::uint16_t port, std::string means,
                    TimePoint seen_at) {
  renamings_[{name, port}].push_back({seen_at, std::move(means)});
}

// The last that is seen by now.
const std::string& SimNet::meaning_of(const Address& address) const {
  const auto found = renamings_.find({address.host, address.port});
  if (found == renamings_.end()) return address.host;
  const std::string* means = &address.host;
  for (const Renaming& one : found->second) {
    if (one.seen_at <= loop_.now()) means = &one.means;
  }
  return *means;
}

Task<Result<std::unique_ptr<ByteStream>>> SimNet::dial(Address address, TimePoint deadline) {
  ++dials_;
  const auto found = hosts_.find({meaning_of(address), address.port});
  if (found == hosts_.end()) {
    co_return fail(ErrorCode::connect_failed, "no such name: " + address.host);
  }
  Host& host = found->second;
  const TimePoint there = loop_.now() + 2 * host.link->latency;
  const bool silent = host.link->frozen || host.link->connect == SimLink::Connect::black_hole;
  if (silent || there > deadline) {
    co_await SleepUntil(loop_, deadline);
    co_return fail(ErrorCode::connect_timeout, "no answer from " + address.host);
  }
  co_await SleepUntil(loop_, there);
  if (host.link->connect != SimLink::Connect::accept || !host.on_accept) {
    co_return fail(ErrorCode::connect_refused, "nobody listens at " + address.host);
  }
  SimPair pair = connect_sim(loop_, host.link, random_.next());
  forget_closed(host);
  host.connections.push_back(std::move(pair.connection));
  host.on_accept(std::move(pair.listener));
  co_return std::move(pair.dialer);
}

Task<Result<std::vector<IpAddress>>> SimNet::resolve(std::string host, TimePoint deadline) {
  if (const auto literal = IpAddress::from_text(host)) co_return std::vector{*literal};
  const auto found = names_.find(host);
  if (found == names_.end()) co_return fail(ErrorCode::connect_failed, "no such name: " + host);
  Name& name = found->second;
  const std::size_t at = std::min(name.asked++, name.answers.size() - 1);
  const std::vector<std::string> answer = name.answers.at(at);
  // A name without addresses is one that nobody answers for.
  const TimePoint there = answer.empty() ? never : loop_.now() + name_time;
  co_await SleepUntil(loop_, std::min(there, deadline));
  if (there > deadline) co_return fail(ErrorCode::connect_timeout);
  std::vector<IpAddress> addresses;
  for (const std::string& text : answer)
    addresses.push_back(IpAddress::from_text(text).value());
  co_return addresses;
}

}  // namespace rocket
