#pragma once

#include <memory>

#include "net/connection_count.h"
#include "policy/ebb_watch.h"
#include "proxy/operations.h"
#include "proxy/trace_sender.h"

namespace rocket {

// One loop's client connections, whatever port they came in by: starts them, keeps the loop's
// chores (the access log, traces, idle upstream connections, memory that is left over), and ends
// them in a drain.
class Server {
 public:
  explicit Server(LoopState& loop);

  // Serves a connection with what `operations` answers, and counts it in `count`.
  void accept(std::unique_ptr<ByteStream> stream, Operations& operations, ConnectionCount& count);

  // From here on connections end with the answer they are at; idle ones end now.
  void drain();
  // What is left of the traces goes out, until `deadline`.
  [[nodiscard]] Task<void> send_traces(TimePoint deadline);
  // Closes whatever is left, wherever it stands.
  void cut_all() {
    loop_.cutting = true;
    connections_.cancel_all();
  }

  [[nodiscard]] size_t connections() const { return connections_.size(); }

 private:
  // Stands in the list of connections that a drain wakes.
  struct Listed : ListHook {
    HttpConnection* connection = nullptr;
  };

  [[nodiscard]] Task<void> serve(std::unique_ptr<ByteStream> stream, Operations& operations,
                                 ConnectionCount& count);
  [[nodiscard]] Task<void> do_chores();
  void give_back_memory();

  LoopState& loop_;
  EbbWatch ebb_;
  TraceSender traces_;
  ListHook listed_;
  TaskGroup connections_;
  TaskGroup chores_;
};

}  // namespace rocket
