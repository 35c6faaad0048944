#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/router.h"
#include "proxy/attempt.h"
#include "proxy/call.h"
#include "schema/openai_request.h"

namespace rocket {

// One client request that a backend answers: chat completions, completions, embeddings.
//
// The only place that tries again: it walks the route's candidates and their endpoints, each
// picked by policy/balancer and each failure judged by policy/retry, until one answer can be
// committed to. Before the commit a failure is invisible; after it, never a silent one.
class Exchange {
 public:
  explicit Exchange(Call& call);

  // Answers the call, whatever happens.
  [[nodiscard]] Task<void> run();

 private:
  // The same endpoint may be asked again for another candidate's model.
  struct Tried {
    const Candidate* candidate;
    std::uint32_t endpoint;
  };

  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<void> read_backend_hint();
  [[nodiscard]] std::optional<std::uint32_t> pick(const Candidate& candidate);
  [[nodiscard]] std::string outgoing_head(const Endpoint& endpoint, size_t body_bytes) const;
  [[nodiscard]] std::string answer_lines(const AttemptPlan& plan,
                                         std::string_view content_type) const;

  // True: answered, or there is nobody to answer. False: failed, and last_ says how.
  [[nodiscard]] Task<bool> try_endpoint(const Candidate& candidate, std::uint32_t endpoint);
  [[nodiscard]] Task<bool> try_once(const AttemptPlan& plan, bool fresh);
  [[nodiscard]] Task<void> answer_whole(const AttemptPlan& plan, Attempt& attempt);
  [[nodiscard]] Task<void> answer_refusal(const AttemptPlan& plan, Attempt& attempt);
  [[nodiscard]] Task<Result<void>> answer_stream(const AttemptPlan& plan, Attempt& attempt);
  [[nodiscard]] Task<void> answer_failure();

  void count_tokens(const Usage& usage);

  Call& call_;
  LoopState& loop_;
  const std::shared_ptr<const Current> current_;
  const Config& config_;
  OpenAiRequest request_;
  Route route_;
  TimePoint deadline_;
  std::vector<Tried> tried_;
  Retry retry_;
  NextStep next_ = NextStep::next_endpoint;
  StreamReply reply_;
  std::string waiting_lines_;
  Error last_{ErrorCode::no_backend, {}};
  std::string retry_after_;
};

}  // namespace rocket
