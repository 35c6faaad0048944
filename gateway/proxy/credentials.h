#pragma once

#include <string_view>

#include "base/error.h"
#include "wire/http_message.h"

namespace rocket {

// The key that a request shows, as `Authorization: Bearer KEY` or `x-api-key: KEY`; empty if it
// shows none. bad_request if it shows two different ones: which of them would count is a guess,
// and another reader's may differ. An error's detail holds nothing of either.
[[nodiscard]] Result<std::string_view> presented_key(const HeaderList& headers);

}  // namespace rocket
