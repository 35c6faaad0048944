#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/byte_budget.h"
#include "base/clock.h"
#include "base/sha256.h"

namespace rocket {

// One response as it was told to its client, with what it was asked: a link of a conversation,
// which names the one before it and copies nothing of it. Immutable once it is kept; whoever reads
// it holds it, and its bytes count until the last reader lets go.
struct StoredResponse {
  std::string id;
  Sha256 owner{};                // the key that asked for it; all zero: nobody had to show one
  std::string input;             // the request's `input`, as JSON
  std::string text;              // the response, as JSON
  std::size_t output_begin = 0;  // where its `output` stands in it
  std::size_t output_end = 0;
  std::string previous;     // the id of the one that it continues; empty: none
  std::uint32_t turns = 1;  // of the conversation, up to this one
  ByteBudget::Hold held;

  [[nodiscard]] std::string_view output() const {
    return std::string_view(text).substr(output_begin, output_end - output_begin);
  }
  // Of memory, near enough.
  [[nodiscard]] std::uint64_t bytes() const;
};

// Responses that clients may come back to, in memory: so many bytes, and each for a while after it
// was last asked for. Those that were asked for longest ago are forgotten first; whatever continues
// one, asks for all of its conversation. Another key's response is one that there is not.
//
// Shared by all loops and handed on from one configuration to the next. A look-up takes its turn
// among the loops' for some instructions per response; nothing is copied or freed meanwhile.
class ResponseStore {
 public:
  struct Settings {
    std::uint64_t bytes = 0;
    Duration expiry{};
    std::uint32_t turns = 0;
  };
  using Link = std::shared_ptr<const StoredResponse>;

  enum class Missing : unsigned char {
    itself,   // unknown, forgotten, deleted, or another key's
    earlier,  // one that it continues is any of that
  };

  explicit ResponseStore(const Settings& settings) : settings_(settings), budget_(settings.bytes) {}

  // Forgets what there is no room for any more.
  void set(const Settings& settings);
  [[nodiscard]] Settings settings() const;

  // Room for so many bytes, for which others may have to be forgotten. False: there is none.
  [[nodiscard]] bool make_room(ByteBudget::Hold& hold, std::uint64_t bytes);
  // Keeps it, if there is room for what it does not hold yet. An id that is known stays whose it
  // is.
  bool put(StoredResponse response, TimePoint now);

  // Null: there is none.
  [[nodiscard]] Link find(std::string_view id, const Sha256& owner, TimePoint now);
  // It and all that it continues, the first first.
  [[nodiscard]] std::expected<std::vector<Link>, Missing> conversation(std::string_view id,
                                                                       const Sha256& owner,
                                                                       TimePoint now);
  // False: there is none.
  bool erase(std::string_view id, const Sha256& owner, TimePoint now);
  // Forgets what has expired.
  void sweep(TimePoint now);

  [[nodiscard]] std::size_t size() const;
  // Of those that are kept.
  [[nodiscard]] std::uint64_t kept_bytes() const;
  // And with what is not kept yet, or is still read.
  [[nodiscard]] std::uint64_t held_bytes() const { return budget_.held(); }

 private:
  struct Entry {
    Link response;
    TimePoint used_at;
  };
  // In the order of their last use.
  using Entries = std::list<Entry>;

  // These happen within a turn; what they take out is freed after it.
  [[nodiscard]] Entries::iterator look_up(std::string_view id, const Sha256& owner);
  void use(Entries::iterator entry, TimePoint now);
  void take_out(Entries::iterator entry, Entries& out);
  void take_out_expired(TimePoint now, Entries& out);
  void take_out_oldest(std::uint64_t bytes, Entries& out);

  mutable std::atomic_flag taken_;
  Settings settings_;
  ByteBudget budget_;
  Entries entries_;
  std::unordered_map<std::string_view, Entries::iterator> by_id_;
  std::uint64_t kept_bytes_ = 0;
};

}  // namespace rocket
