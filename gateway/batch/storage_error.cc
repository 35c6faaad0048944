#include "batch/storage_error.h"

#include "proxy/error_response.h"
#include "wire/http_writer.h"

namespace rocket {

void send_storage_error(Call& call, const Error& error) {
  std::string lines;
  if (meaning_of(error.code).status == 503) append_header(lines, "retry-after", "1");
  call.send_error(error, lines);
}

std::string no_file(std::string_view id) {
  constexpr size_t shown_max = 128;
  return "No such File object: " + std::string(id.substr(0, shown_max));
}

}  // namespace rocket
