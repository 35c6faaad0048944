#pragma once

#include <string>

#include "testing/fake_dialect.h"

namespace rocket {

[[nodiscard]] std::string body_of(const FakeAnswer& answer);

// Gives `answer` the script's fault, if that is one of the body. An answer that is an error
// already is left as it is.
void spoil_body(FakeAnswer& answer, const FakeScript& script);

}  // namespace rocket
