#include "batch/file_download.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "batch/storage_error.h"
#include "wire/http_writer.h"

namespace rocket {
namespace {

// Held twice while the client does not take it: what was read, and what is left of that.
constexpr std::size_t read_bytes = 128 * 1024;

using Reader = std::shared_ptr<FileVault::Reader>;

Task<Result<Reader>> open(StorageAccess& access, WorkThread& thread, std::string id) {
  auto open = [&vault = access.shared.vault, id = std::move(id)] { return vault.open(id); };
  auto opened = co_await access.work.call(thread, std::move(open));
  if (!opened) co_return std::unexpected(std::move(opened.error()));
  co_return Reader(*std::move(opened));
}

// Closing what has been removed meanwhile frees it, which may take the disk a while.
struct Closing {
  WorkThread& thread;
  Reader reader;
  Closing(WorkThread& closer, Reader opened) : thread(closer), reader(std::move(opened)) {}
  Closing(const Closing&) = delete;
  Closing& operator=(const Closing&) = delete;
  ~Closing() {
    static_cast<void>(thread.post([reader = std::move(reader)] {}));
  }
};

struct Read {
  std::string buffer;
  std::size_t bytes = 0;
};

Task<Result<Read>> read_some(const StorageAccess& access, const Closing& file, std::uint64_t offset,
                             std::string buffer) {
  auto work = [reader = file.reader, offset, buffer = std::move(buffer)]() mutable -> Result<Read> {
    const auto got = reader->read(offset, buffer);
    if (!got) return std::unexpected(got.error());
    return Read{std::move(buffer), *got};
  };
  auto read = co_await access.work.call(file.thread, std::move(work));
  co_return read;
}

// False: it broke off, visibly.
Task<bool> send_all(Call& call, const StorageAccess& access, const Closing& file) {
  ResponseWriter& response = call.response();
  const std::uint64_t bytes = file.reader->bytes();
  std::uint64_t sent = 0;
  std::string buffer;
  while (sent < bytes) {
    buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(read_bytes, bytes - sent)));
    auto read = co_await read_some(access, file, sent, std::move(buffer));
    if (!read || read->bytes == 0) co_return false;
    sent += read->bytes;
    const std::string_view piece = std::string_view(read->buffer).substr(0, read->bytes);
    response.write({&piece, 1}, sent == bytes);
    if (response.blocked()) {
      const bool taken = co_await response.drained(call.taken_by());
      if (!taken) co_return true;  // nobody is there to be told
    }
    buffer = std::move(read->buffer);
  }
  co_return true;
}

}  // namespace

Task<void> send_content(Call& call, StorageAccess& access, StoredFile file) {
  const auto held = call.loop().bodies.take(2 * read_bytes);
  if (!held) {
    call.send_error({ErrorCode::overloaded, "too many bodies in flight; try again soon"});
    co_return;
  }
  WorkThread& thread = access.shared.vault.thread();
  auto opened = co_await open(access, thread, file.id);
  if (!opened) {
    if (opened.error().code == ErrorCode::file_not_found) opened.error().detail = no_file(file.id);
    send_storage_error(call, opened.error());
    co_return;
  }
  const Closing content(thread, *std::move(opened));
  std::string lines = call.common_lines();
  append_header(lines, "content-type", "application/octet-stream");
  // Nothing that somebody has uploaded is to be shown by a browser as a page of ours.
  append_header(lines, "content-disposition", "attachment");
  append_header(lines, "x-content-type-options", "nosniff");
  call.response().start_stream(200, lines, content.reader->bytes());
  const bool bodiless = call.request().head.method == Method::head || content.reader->bytes() == 0;
  if (bodiless) {
    call.response().write({}, true);
    call.close_account(Outcome::ok, Blame::none);
    co_return;
  }
  const bool whole = co_await send_all(call, access, content);
  if (!whole) {
    call.response().cut();
    call.close_account(Outcome::cut, Blame::gateway);
  } else if (call.response().alive()) {
    call.close_account(Outcome::ok, Blame::none);
  }
}

}  // namespace rocket
