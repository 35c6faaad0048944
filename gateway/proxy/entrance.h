#pragma once

#include <optional>

#include "proxy/admission.h"
#include "proxy/chooser.h"
#include "proxy/loop_state.h"

namespace rocket {

// Where the attempts of one exchange come in: whom to ask next, with the permit to do so. While
// everybody who could be asked has as much to do as he may, the exchange waits in its lane.
class Entrance final : public Admission::Waiting {
 public:
  struct Who {
    Lane lane;
    const void* key;  // any pointer that tells clients' keys apart
    bool streamed;
  };
  struct Found {
    Chooser::Chosen chosen;
    Admission::Permit permit;
  };

  // All but `who` outlive it.
  Entrance(LoopState& loop, const Current& current, const Route& route, Chooser& chooser,
           const Who& who);
  // First of all: the places that its members give back are not to be offered to it.
  ~Entrance() override { leave(); }

  // Looks for whom to ask next; waits() says whether that takes some time. Errors: overloaded;
  // it does not wait then.
  [[nodiscard]] Result<void> seek(Duration wait_most);
  [[nodiscard]] bool waits() const { return !started(); }
  void give_up() {
    leave();
    found_.reset();
  }
  // What seek() has found; none: nobody is left to ask.
  [[nodiscard]] std::optional<Found> take() { return std::exchange(found_, std::nullopt); }

  // Whom to ask beside those who are being asked. If all who could be have as much to do as they
  // may, it waits in its lane from then on: ask again, for as long as it seeks. `forsaken`: rather
  // one that had better be left alone than nobody.
  [[nodiscard]] std::optional<Found> company(bool forsaken);
  [[nodiscard]] bool seeks_company() const { return company_ && (waits() || found_); }
  [[nodiscard]] Lane lane() const { return who_.lane; }

 private:
  // Whom to ask now without waiting, if there is anybody.
  [[nodiscard]] std::optional<Found> find(Effort effort);
  [[nodiscard]] Result<void> enter(Duration wait_most);
  [[nodiscard]] bool try_start() override;

  Timers& timers_;
  Admission& admission_;
  const Current& current_;
  const Route& route_;
  Chooser& chooser_;
  Who who_;
  Admission::Permit in_route_;
  std::optional<Found> found_;
  bool company_ = false;  // what it waits for
  TimePoint patient_until_ = never;
  bool overtaken_ = false;  // another loop took the place that was seen
};

}  // namespace rocket
