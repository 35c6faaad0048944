#include "store/libpq.h"

#include <dlfcn.h>

#include <optional>

namespace rocket {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

std::optional<Libpq> load_library() {
  // What Postgres 8.3 and all since have called it.
  void* const library = ::dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return std::nullopt;
  Libpq pq{};
  const bool whole =
      find(library, "PQconninfoParse", pq.conninfo_parse) &&
      find(library, "PQconninfoFree", pq.conninfo_free) &&
      find(library, "PQconnectdbParams", pq.connect) && find(library, "PQfinish", pq.finish) &&
      find(library, "PQstatus", pq.status) && find(library, "PQerrorMessage", pq.error_message) &&
      find(library, "PQsetnonblocking", pq.set_nonblocking) &&
      find(library, "PQsocket", pq.socket) && find(library, "PQsendQueryParams", pq.send_query) &&
      find(library, "PQflush", pq.flush) && find(library, "PQconsumeInput", pq.consume_input) &&
      find(library, "PQisBusy", pq.is_busy) && find(library, "PQgetResult", pq.get_result) &&
      find(library, "PQresultStatus", pq.result_status) &&
      find(library, "PQresultErrorField", pq.error_field) &&
      find(library, "PQresultErrorMessage", pq.result_error_message) &&
      find(library, "PQntuples", pq.rows) && find(library, "PQnfields", pq.columns) &&
      find(library, "PQgetvalue", pq.value) && find(library, "PQgetlength", pq.length) &&
      find(library, "PQclear", pq.clear) && find(library, "PQfreemem", pq.free_memory) &&
      find(library, "PQsetNoticeProcessor", pq.set_notice_processor);
  if (!whole) return std::nullopt;
  return pq;
}

}  // namespace

Result<const Libpq*> Libpq::load() {
  static const std::optional<Libpq> loaded = load_library();
  if (loaded) return &*loaded;
  return fail(ErrorCode::store_unavailable,
              "a store in Postgres needs libpq.so.5; install it (Debian: libpq5)");
}

}  // namespace rocket
