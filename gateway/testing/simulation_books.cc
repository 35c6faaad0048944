#include "testing/simulation_books.h"

namespace rocket {
namespace {

// Who hangs up sooner than that may not have been heard.
constexpr Duration heard_after = std::chrono::milliseconds(20);

std::string judge_count(const SimGateway& gateway, const AllAsked& all) {
  std::uint64_t counted = 0;
  for (const FamilySnapshot& snapshot : gateway.metrics.collect(gateway.loop.now())) {
    if (snapshot.info->family != Family::requests) continue;
    for (const std::uint64_t value : snapshot.values)
      counted += value;
  }
  std::uint64_t heard = 0;
  for (const auto& asked : all) {
    if (asked->hung_up_at() >= asked->request().sent_at() + heard_after) ++heard;
  }
  if (counted >= heard && counted <= all.size()) return {};
  return std::to_string(counted) + " requests were counted of " + std::to_string(all.size());
}

std::string judge_receipt(const SimAsked& asked, const Receipt* receipt) {
  const SimRequest& request = asked.request();
  const bool good = request.status() == 200 && request.whole();
  if (receipt == nullptr) return good ? "an answer has no receipt" : "";
  if (receipt->under_way) return "a receipt says that its request is not over";
  if (asked.hung_up_at() != never) {
    const bool told = asked.streamed() && asked.has_content();
    return told && !receipt->tokens_known ? "nothing was counted of a stream that was left" : "";
  }
  const Outcome right = good                      ? Outcome::ok
                        : request.status() == 200 ? Outcome::cut
                                                  : Outcome::error;
  if (receipt->outcome != right) {
    return "a receipt says " + std::string(to_string(receipt->outcome)) + ", its client saw " +
           std::string(to_string(right));
  }
  if (asked.embeddings()) return {};
  // Where an upstream does not count, or counts none, the events of its stream are, and the one
  // that says how it ended among them.
  const std::int64_t counted = receipt->tokens_out;
  const std::int64_t most = asked.tokens() + (good && asked.tokens() != 0 ? 0 : 1);
  const std::int64_t least = good ? asked.tokens() : 0;
  if (receipt->tokens_known ? counted >= least && counted <= most : !good) return {};
  return std::to_string(counted) + " tokens were counted of " + std::to_string(asked.tokens());
}

}  // namespace

std::string judge_books(const SimGateway& gateway, const AllAsked& all) {
  std::string wrong = judge_count(gateway, all);
  const ReceiptBook& receipts = *gateway.state.current->receipts;
  for (const auto& asked : all) {
    if (!wrong.empty()) break;
    wrong = judge_receipt(*asked, receipts.find(asked->id()));
    if (!wrong.empty()) wrong += " (" + asked->id() + ")";
  }
  return wrong;
}

}  // namespace rocket
