#pragma once

#include "testing/fake_dialect.h"

namespace rocket {

// What the script's kind of server says about itself: health, version, models and which are
// loaded; or that it has no such path, each in its own way.
[[nodiscard]] FakeAnswer fake_inventory(const FakeScript& script, const FakeRequest& request);

}  // namespace rocket
