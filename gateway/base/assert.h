#pragma once

namespace rocket {

// Reports a broken invariant on stderr and aborts. Never returns.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace rocket

// For what can not happen unless Rocket itself is wrong; stays on in release builds. What the
// network, a file or a person can cause is an Error, never an assertion.
#define ROCKET_ASSERT(expression)                       \
  (static_cast<bool>(expression) ? static_cast<void>(0) \
                                 : ::rocket::assertion_failed(#expression, __FILE__, __LINE__))
