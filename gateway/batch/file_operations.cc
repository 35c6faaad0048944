#include "batch/file_operations.h"

#include <optional>
#include <string>
#include <utility>

#include "batch/file_download.h"
#include "batch/file_json.h"
#include "batch/page_query.h"
#include "batch/storage_error.h"
#include "batch/upload.h"

namespace rocket {
namespace {

constexpr std::string_view content_suffix = "/content";
constexpr std::uint32_t list_most = 10'000;

Task<void> upload(Call& call, StorageAccess& access) {
  Upload upload(call, access);
  const auto file = co_await upload.receive();
  if (file) {
    call.send_json(200, file_json(*file));
  } else if (file.error().code != ErrorCode::client_gone) {
    send_storage_error(call, file.error());
  } else {
    // Nobody else may have seen it yet: over TLS a client can say so and leave its socket open.
    call.response().cut();
  }
}

Task<void> list(Call& call, StorageAccess& access) {
  auto page = read_page_query(call.target.query, list_most, list_most);
  if (!page) {
    call.send_error(page.error());
    co_return;
  }
  page->now = unix_now(call.loop().io.timers);
  auto ask = [owner = owner_of(call), page = *page](Store& store) {
    return store.list_files(owner, page);
  };
  const auto files = co_await access.store.look(std::move(ask));
  if (files) {
    call.send_json(200, file_list_json(*files));
  } else {
    send_storage_error(call, files.error());
  }
}

// One whose time has come is not, though nobody may have swept it up yet.
bool is_there(const StoredFile& file, std::int64_t now) {
  return file.expires_at == 0 || now < file.expires_at;
}

Task<Result<StoredFile>> find(Call& call, StorageAccess& access, std::string id) {
  auto ask = [owner = owner_of(call), id](Store& store) { return store.find_file(owner, id); };
  const auto found = co_await access.store.look(std::move(ask));
  if (!found) co_return std::unexpected(found.error());
  const bool there = *found && is_there(**found, unix_now(call.loop().io.timers));
  if (!there) co_return fail(ErrorCode::file_not_found, no_file(id));
  co_return **found;
}

Task<void> get(Call& call, StorageAccess& access) {
  std::string id = call.parameter;
  const bool content = id.ends_with(content_suffix);
  if (content) id.resize(id.size() - content_suffix.size());
  auto file = co_await find(call, access, std::move(id));
  if (!file) {
    send_storage_error(call, file.error());
  } else if (content) {
    co_await send_content(call, access, *std::move(file));
  } else {
    call.send_json(200, file_json(*file));
  }
}

enum class Removal : unsigned char { not_there, later, now };

// What a batch reads it goes on reading: such a file is only hidden, and swept up after its end.
Result<Removal> remove_from(Store& store, std::string_view owner, std::string_view id,
                            std::int64_t now) {
  const auto hidden = store.expire_file(owner, id, now);
  if (!hidden) return std::unexpected(hidden.error());
  if (!*hidden) return Removal::not_there;
  const auto removed = store.remove_file(owner, id);
  // Nobody can find it any more.
  return removed && *removed ? Removal::now : Removal::later;
}

Result<bool> can_go(Store& store, std::string_view owner, std::string_view id, std::int64_t now) {
  const auto file = store.find_file(owner, id);
  if (!file) return std::unexpected(file.error());
  if (!*file || !is_there(**file, now)) return false;
  const auto read = store.is_read(id);
  if (!read) return std::unexpected(read.error());
  return !*read;
}

// What can not be removed now is swept up later.
Task<void> remove_bytes(StorageAccess& access, std::string id) {
  FileVault& vault = access.shared.vault;
  auto work = [&vault, id = std::move(id)] { return vault.remove(id); };
  const auto gone = co_await access.work.call(vault.thread(), std::move(work));
  static_cast<void>(gone);
}

Task<Result<Removal>> remove_file(Call& call, StorageAccess& access, std::string id) {
  const std::string owner = owner_of(call);
  const std::int64_t now = unix_now(call.loop().io.timers);
  const auto ask = [owner, id, now](Store& store) { return remove_from(store, owner, id, now); };
  const auto removed = co_await access.store.look(ask);
  if (removed || removed.error().code != ErrorCode::store_full) co_return removed;
  // It would make room, but the store needs some to take note of it: so the bytes go first.
  auto look = [owner, id, now](Store& store) { return can_go(store, owner, id, now); };
  const auto can = co_await access.store.look(std::move(look));
  if (!can || !*can) co_return removed;
  co_await remove_bytes(access, id);
  const auto noted = co_await access.store.look(ask);
  co_return noted;
}

Task<void> remove(Call& call, StorageAccess& access) {
  const std::string id = call.parameter;
  const auto removed = co_await remove_file(call, access, id);
  if (!removed) {
    send_storage_error(call, removed.error());
    co_return;
  }
  if (*removed == Removal::not_there) {
    call.send_error({ErrorCode::file_not_found, no_file(id)});
    co_return;
  }
  if (*removed == Removal::now) {
    co_await remove_bytes(access, id);
  }
  call.send_json(200, deleted_file_json(id));
}

}  // namespace

void add_file_operations(Operations& operations, StorageAccess& access) {
  const auto with = [&access](Task<void> (*handler)(Call&, StorageAccess&)) {
    return [&access, handler](Call& call) { return handler(call, access); };
  };
  operations.add({.method = Method::post,
                  .path = "/v1/files",
                  .operation = Operation::files,
                  .handler = with(upload),
                  .streams_body = true});
  operations.add({Method::get, "/v1/files", Operation::files, with(list)});
  operations.add({Method::get, "/v1/files/", Operation::file, with(get)});
  operations.add({Method::del, "/v1/files/", Operation::file, with(remove)});
}

}  // namespace rocket
