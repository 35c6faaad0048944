#include "proxy/response_store.h"

#include <algorithm>

#include "base/loop_turn.h"

namespace rocket {
namespace {

// What a response takes besides its texts: the object, its place in the list and in the index.
constexpr std::uint64_t overhead_bytes = sizeof(StoredResponse) + 160;

}  // namespace

std::uint64_t StoredResponse::bytes() const {
  return overhead_bytes + id.capacity() + input.capacity() + text.capacity() + previous.capacity();
}

void ResponseStore::set(const Settings& settings) {
  Entries out;
  const LoopTurn turn(taken_);
  settings_ = settings;
  budget_.set_most(settings.bytes);
  const std::uint64_t held = budget_.held();
  if (held > settings.bytes) take_out_oldest(held - settings.bytes, out);
}

ResponseStore::Settings ResponseStore::settings() const {
  const LoopTurn turn(taken_);
  return settings_;
}

// What is taken out may still be read, and then another one has to go; somebody else may have been
// quicker to take what came free.
bool ResponseStore::make_room(ByteBudget::Hold& hold, std::uint64_t bytes) {
  while (true) {
    if (hold.extend(budget_, bytes)) return true;
    Entries out;
    const LoopTurn turn(taken_);
    const std::uint64_t held = budget_.held();
    // What nobody can be made to forget: it waits for its answer, or is being read.
    const std::uint64_t fixed = held - std::min(held, kept_bytes_);
    if (entries_.empty() || bytes > settings_.bytes || fixed > settings_.bytes - bytes) {
      return false;
    }
    take_out_oldest(std::max<std::uint64_t>(held + bytes, settings_.bytes + 1) - settings_.bytes,
                    out);
  }
}

bool ResponseStore::put(StoredResponse response, TimePoint now) {
  const std::uint64_t bytes = response.bytes();
  const std::uint64_t held = response.held.bytes();
  if (bytes > held && !make_room(response.held, bytes - held)) return false;
  Entries fresh;
  fresh.push_back({std::make_shared<const StoredResponse>(std::move(response)), now});
  const LoopTurn turn(taken_);
  const auto [place, added] = by_id_.try_emplace(fresh.front().response->id, fresh.begin());
  if (!added) return false;
  kept_bytes_ += fresh.front().response->held.bytes();
  entries_.splice(entries_.end(), fresh);
  return true;
}

ResponseStore::Link ResponseStore::find(std::string_view id, const Sha256& owner, TimePoint now) {
  Entries out;
  const LoopTurn turn(taken_);
  take_out_expired(now, out);
  const auto found = look_up(id, owner);
  if (found == entries_.end()) return nullptr;
  use(found, now);
  return found->response;
}

std::expected<std::vector<ResponseStore::Link>, ResponseStore::Missing> ResponseStore::conversation(
    std::string_view id, const Sha256& owner, TimePoint now) {
  std::vector<Link> links;
  Entries out;
  const LoopTurn turn(taken_);
  take_out_expired(now, out);
  auto found = look_up(id, owner);
  if (found == entries_.end()) return std::unexpected(Missing::itself);
  links.resize(found->response->turns);
  for (auto link = links.rbegin(); link != links.rend(); ++link) {
    if (found == entries_.end()) return std::unexpected(Missing::earlier);
    *link = found->response;
    found = look_up((*link)->previous, owner);
  }
  // So that what is continued last goes last, and the beginning of a conversation before its end.
  for (const Link& link : links)
    use(by_id_.find(link->id)->second, now);
  return links;
}

bool ResponseStore::erase(std::string_view id, const Sha256& owner, TimePoint now) {
  Entries out;
  const LoopTurn turn(taken_);
  take_out_expired(now, out);
  const auto found = look_up(id, owner);
  if (found == entries_.end()) return false;
  take_out(found, out);
  return true;
}

void ResponseStore::sweep(TimePoint now) {
  Entries out;
  const LoopTurn turn(taken_);
  take_out_expired(now, out);
}

std::size_t ResponseStore::size() const {
  const LoopTurn turn(taken_);
  return entries_.size();
}

std::uint64_t ResponseStore::kept_bytes() const {
  const LoopTurn turn(taken_);
  return kept_bytes_;
}

ResponseStore::Entries::iterator ResponseStore::look_up(std::string_view id, const Sha256& owner) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || found->second->response->owner != owner) return entries_.end();
  return found->second;
}

void ResponseStore::use(Entries::iterator entry, TimePoint now) {
  entry->used_at = std::max(entry->used_at, now);
  entries_.splice(entries_.end(), entries_, entry);
}

void ResponseStore::take_out(Entries::iterator entry, Entries& out) {
  kept_bytes_ -= entry->response->held.bytes();
  by_id_.erase(entry->response->id);
  out.splice(out.end(), entries_, entry);
}

// Loops read the clock at different moments; what is out of order by that waits for its turn.
void ResponseStore::take_out_expired(TimePoint now, Entries& out) {
  while (!entries_.empty() && deadline_after(entries_.front().used_at, settings_.expiry) <= now) {
    take_out(entries_.begin(), out);
  }
}

void ResponseStore::take_out_oldest(std::uint64_t bytes, Entries& out) {
  std::uint64_t taken = 0;
  while (taken < bytes && !entries_.empty()) {
    taken += entries_.front().response->held.bytes();
    take_out(entries_.begin(), out);
  }
}

}  // namespace rocket
