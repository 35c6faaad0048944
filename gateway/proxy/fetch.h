#pragma once

#include <string>
#include <string_view>

#include "net/connection_pool.h"
#include "proxy/backend.h"

namespace rocket {

struct Fetched {
  int status = 0;
  std::string retry_after{};  // as it was written; empty: it is not there
  std::string body{};
};

struct FetchRequest {
  std::string path;
  std::string body{};  // JSON, short: then it is a POST
};

// A small document from an endpoint, for probes; nothing of a client's request. At most
// 4 MiB. A pooled connection that its server has closed meanwhile is replaced once. Errors: those
// of an attempt, and first_token_timeout at the deadline.
[[nodiscard]] Task<Result<Fetched>> fetch(Io& io, const Endpoint& endpoint, ConnectionPool& pool,
                                          FetchRequest request, TimePoint deadline);
// The same of a whole request, head and body, that may be sent twice.
[[nodiscard]] Task<Result<Fetched>> fetch_text(Io& io, ConnectionPool& pool, std::string text,
                                               TimePoint deadline);

// Sends `text`, which outlives it. Errors: upstream_closed; first_token_timeout at the deadline.
[[nodiscard]] Task<Result<void>> send_text(ByteStream& stream, std::string_view text,
                                           TimePoint deadline);

}  // namespace rocket
