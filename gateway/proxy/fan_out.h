#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/router.h"
#include "proxy/call.h"
#include "proxy/stream_reply.h"
#include "schema/choices.h"
#include "schema/openai_request.h"

namespace rocket {

// Answers a request for several choices where backends give one at a time: with an exchange for
// each, which waits in its lane, fails over and is hedged like any other and may end up at another
// endpoint. Their answers are put together as one; of streams the events in the order in which
// they come.
//
//   some or all under way --the first that is lost--> the others are called off, and its error is
//     '--all have ended well--> the answer ends       the client's: told instead of an answer, or
//                                                     behind what was sent of one, which is cut
//
// Destroying it calls off all of them. The account of the call has their attempts, and the tokens
// of all as the upstreams counted them.
class FanOut {
 public:
  // All of it outlives this.
  struct Plan {
    const OpenAiRequest& request;
    const Route& route;                // who may be asked
    StreamReply& reply;                // which a sign of life may have begun
    const std::string& waiting_lines;  // of a head that does not know its backend yet
    TimePoint deadline;
  };

  FanOut(Call& call, const Plan& plan);
  FanOut(const FanOut&) = delete;
  FanOut& operator=(const FanOut&) = delete;
  ~FanOut();

  // Answers the call, whatever happens.
  [[nodiscard]] Task<void> run();

 private:
  class Choice;

  void start();
  [[nodiscard]] const Choice* lost() const;
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] Task<bool> wait();
  void resume_all();

  // A choice's stream has begun; something of it is for the client.
  void note_begun(const Choice& choice);
  void pass_on();

  [[nodiscard]] Task<void> answer_whole();
  [[nodiscard]] Task<void> end_stream();
  [[nodiscard]] Task<void> answer_failure(const Choice& lost);
  [[nodiscard]] Task<void> break_stream(const Choice& lost);
  [[nodiscard]] std::string last_words(const Choice& lost) const;
  void send_error(const Error& error);
  [[nodiscard]] std::string lines_of(const Choice& choice) const;
  [[nodiscard]] unsigned attempts() const;
  void name_endpoint(const Choice& choice);
  void count_tokens();
  [[nodiscard]] TimePoint now() const { return loop_.io.timers.now(); }

  Call& call_;
  LoopState& loop_;
  const Plan plan_;
  WaitSlot woken_;
  ChoiceStreams streams_;
  std::string out_;  // what is for the client next
  size_t begun_ = 0;
  bool endpoint_named_ = false;
  std::vector<std::unique_ptr<Choice>> choices_;
  TaskGroup tasks_;
};

}  // namespace rocket
