#pragma once

#include <string>
#include <vector>

#include "testing/fake_dialect.h"

namespace rocket {

// The bytes of an answer and when they go out: all that a fake backend's faults come down to.
struct FakePlan {
  struct Step {
    Duration pause{};  // before the bytes
    std::string bytes;
    // With these all of the answer has been said, whatever comes of its framing and the
    // connection: a server has nothing left to compute for it.
    bool says_last = false;
  };
  enum class End : unsigned char {
    keep,  // the connection, for the next request
    close,
    reset,
    hang,    // until the client goes
    repeat,  // the last step, until the client goes
  };

  std::vector<Step> steps;
  End end = End::keep;

  [[nodiscard]] std::string bytes() const;
};

// `answer` on the wire, with the script's fault. `keep_alive` is what the request wants.
[[nodiscard]] FakePlan fake_plan(FakeAnswer answer, const FakeScript& script, bool keep_alive);

}  // namespace rocket
