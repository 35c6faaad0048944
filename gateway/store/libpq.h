#pragma once

#include <libpq-fe.h>

#include "base/error.h"

namespace rocket {

// Postgres's client library, loaded when a store in Postgres is first opened: linked, it and what
// it brings along (Kerberos, LDAP) would cost every gateway the memory.
struct Libpq {
  decltype(&::PQconninfoParse) conninfo_parse;
  decltype(&::PQconninfoFree) conninfo_free;
  decltype(&::PQconnectdbParams) connect;
  decltype(&::PQfinish) finish;
  decltype(&::PQstatus) status;
  decltype(&::PQerrorMessage) error_message;
  decltype(&::PQsetnonblocking) set_nonblocking;
  decltype(&::PQsocket) socket;
  decltype(&::PQsendQueryParams) send_query;
  decltype(&::PQflush) flush;
  decltype(&::PQconsumeInput) consume_input;
  decltype(&::PQisBusy) is_busy;
  decltype(&::PQgetResult) get_result;
  decltype(&::PQresultStatus) result_status;
  decltype(&::PQresultErrorField) error_field;
  decltype(&::PQresultErrorMessage) result_error_message;
  decltype(&::PQntuples) rows;
  decltype(&::PQnfields) columns;
  decltype(&::PQgetvalue) value;
  decltype(&::PQgetlength) length;
  decltype(&::PQclear) clear;
  decltype(&::PQfreemem) free_memory;
  decltype(&::PQsetNoticeProcessor) set_notice_processor;

  // Loaded once, for good. Any thread. Else store_unavailable.
  [[nodiscard]] static Result<const Libpq*> load();
};

}  // namespace rocket
