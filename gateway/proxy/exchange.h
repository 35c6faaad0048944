#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "policy/retry.h"
#include "policy/router.h"
#include "proxy/aftermath.h"
#include "proxy/call.h"
#include "proxy/chooser.h"
#include "proxy/dialog.h"
#include "proxy/entrance.h"
#include "proxy/race.h"
#include "schema/openai_request.h"

namespace rocket {

// One client request that a backend answers, in whatever dialect.
//
// The only place that tries again. It asks whom its Chooser names, has each failure judged by
// policy/retry and a second attempt run beside one that policy/hedge calls late, until one answer
// can be committed to. Before the commit a failure is invisible; after it, never a silent one.
class Exchange {
 public:
  explicit Exchange(Call& call);

  // Answers the call, whatever happens.
  [[nodiscard]] Task<void> run();

 private:
  [[nodiscard]] Result<void> prepare();
  void note_model(const std::string& asked);

  // Looks for whom to ask next, which may take some time.
  void seek();
  void give_up_seeking(Error why);
  // Starts the attempt for which somebody has been found, if there is anybody.
  void launch();
  // Starts a second attempt beside one that is late.
  void hedge();
  void start(Entrance::Found found);
  [[nodiscard]] bool may_spend(const Candidate& candidate) const;
  void schedule_hedge(RunningAttempt& running);
  // How long it may go on before it is late.
  [[nodiscard]] Duration patience_with(RunningAttempt& running);
  void learn_patience();
  // Who has been found gives one choice where several are wanted.
  [[nodiscard]] bool asks_one_by_one(const Entrance::Found& found) const;
  // Leaves the answer to an exchange for each choice.
  [[nodiscard]] Task<void> fan_out();

  // After an attempt has failed: what comes of it. `attempt` may be started again.
  void judge(std::unique_ptr<RunningAttempt> attempt, const Error& error);

  [[nodiscard]] Task<void> answer(RunningAttempt& running);
  [[nodiscard]] Task<void> answer_whole(RunningAttempt& running);
  [[nodiscard]] Task<void> answer_refusal(RunningAttempt& running);
  [[nodiscard]] Task<Result<void>> answer_stream(RunningAttempt& running);
  void begin_stream(RunningAttempt& running);
  [[nodiscard]] Task<void> answer_failure();
  [[nodiscard]] std::string answer_lines(RunningAttempt& running,
                                         std::string_view content_type) const;
  [[nodiscard]] TimePoint now() const { return loop_.io.timers.now(); }
  // What runs is late then; until then it is looked after now and then.
  void expect_within(Duration time) {
    late_at_ = deadline_after(now(), time);
    hedge_at_ = next_look();
  }
  // Nobody is late: there is time until the next look.
  [[nodiscard]] bool is_in_time() {
    if (entrance_->seeks_company()) return false;
    learn_patience();
    if (now() >= late_at_ || race_.has_fallen(now())) {
      expect_within(late_after_);
      return false;
    }
    hedge_at_ = next_look();
    return true;
  }
  [[nodiscard]] TimePoint next_look() const {
    return std::min(late_at_, deadline_after(now(), look_interval));
  }

  // How long one waits alone, at most, at an endpoint that is on trial or that others have found
  // dead meanwhile.
  static constexpr Duration look_interval = std::chrono::seconds(1);
  // How late one may notice that there is a place for company.
  static constexpr Duration turn_interval = std::chrono::milliseconds(10);

  Call& call_;
  LoopState& loop_;
  const std::shared_ptr<const Current> current_;
  const Config& config_;
  OpenAiRequest request_;
  Route route_;
  Dialog dialog_;
  StreamReply reply_;
  RunningAttempt::Common common_;
  Chooser chooser_;
  std::optional<Entrance> entrance_;
  bool seeking_ = false;
  bool media_due_ = false;  // the request's files, before anybody else is asked
  TimePoint sought_at_{};
  Retry retry_;
  Aftermath aftermath_;
  NextStep next_ = NextStep::next_endpoint;
  Race race_;
  TimePoint launch_at_{};  // when the next attempt is due; never: none is
  TimePoint hedge_at_ = never;
  TimePoint late_at_ = never;
  Duration late_after_{};
  bool may_move_ = true;  // once, without spending
  bool fans_out_ = false;
  size_t answering_ = 0;  // the backend whose answer the client gets
  std::string waiting_lines_;
  Error last_{ErrorCode::no_backend, {}};
};

// Has a backend answer the call: the handler of all operations for which one does.
[[nodiscard]] Task<void> run_exchange(Call& call);

}  // namespace rocket
