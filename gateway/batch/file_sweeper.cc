#include "batch/file_sweeper.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "batch/upload.h"

namespace rocket {
namespace {

constexpr Duration expiry_interval = std::chrono::seconds(60);
constexpr int expiries_per_hunt = 60;  // for what is rare, or has to be searched for
constexpr std::uint32_t removed_at_once = 100;
// A file is there before the store knows of it, and may be the only copy of something if its store
// has been put back from a copy.
constexpr std::int64_t orphan_seconds = 24 * 3600;

}  // namespace

Task<void> FileSweeper::run() {
  for (int round = 0;; ++round) {
    // Who keeps nothing has no threads for it either.
    if (access_.shared.begun()) {
      co_await remove_expired();
      if (round % expiries_per_hunt == 0) {
        co_await remove_ended_batches();
        co_await remove_orphans();
      }
    }
    co_await SleepUntil(timers_, timers_.now() + expiry_interval);
  }
}

// What can not be done now is done next time.
Task<void> FileSweeper::remove_expired() {
  FileVault& vault = access_.shared.vault;
  while (true) {
    auto ask = [now = unix_now(timers_)](Store& store) {
      return store.expired_files(now, removed_at_once);
    };
    const auto expired = co_await access_.store.look(std::move(ask));
    if (!expired || expired->empty()) co_return;
    for (const StoredFile& file : *expired) {
      // Nobody can find it any more. On a full disk the store has no room to take note of its end
      // before its bytes are gone.
      auto work = [&vault, id = file.id] { return vault.remove(id); };
      const auto gone = co_await access_.work.call(vault.thread(), std::move(work));
      if (!gone) co_return;
      auto remove = [owner = file.owner, id = file.id](Store& store) {
        return store.remove_file(owner, id);
      };
      const auto removed = co_await access_.store.look(std::move(remove));
      if (!removed) co_return;
    }
  }
}

Task<void> FileSweeper::remove_ended_batches() {
  const auto kept = std::chrono::duration_cast<std::chrono::seconds>(batch_expiry_()).count();
  if (kept == 0) co_return;
  while (true) {
    auto ask = [before = unix_now(timers_) - kept](Store& store) {
      return store.remove_ended_batches(before, removed_at_once);
    };
    const auto removed = co_await access_.store.look(std::move(ask));
    if (!removed || *removed == 0) co_return;
  }
}

Task<void> FileSweeper::remove_orphans() {
  FileVault& vault = access_.shared.vault;
  auto sweep = [&vault, before = unix_now(timers_) - orphan_seconds] {
    return vault.sweep(before);
  };
  const auto ids = co_await access_.work.call(vault.thread(), std::move(sweep));
  if (!ids || ids->empty()) co_return;
  using Known = std::optional<std::vector<std::string>>;
  auto ask = [ids = *ids](Store& store) -> Result<Known> {
    auto known = store.known_files(ids);
    if (!known) return std::unexpected(std::move(known.error()));
    return Known(*std::move(known));
  };
  const auto known = co_await access_.store.look(std::move(ask));
  // A store that knows none of them is not theirs.
  if (!known || !*known || (*known)->empty()) co_return;
  for (const std::string& id : *ids) {
    if (std::ranges::find(**known, id) != (*known)->end()) continue;
    access_.shared.place.tell("removing " + id + ", which no store knows of");
    auto work = [&vault, id] { return vault.remove(id); };
    const auto gone = co_await access_.work.call(vault.thread(), std::move(work));
    if (!gone) co_return;
  }
}

}  // namespace rocket
