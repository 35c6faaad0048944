#include "batch/upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace rocket {
namespace {

// What is written at once, and the most that one read of the body brings beyond it.
constexpr std::size_t write_bytes = 256 * 1024;
constexpr std::size_t read_bytes = 64 * 1024;
// What a form may have besides its file.
constexpr std::uint64_t form_bytes_max = 64 * 1024;

Error full(std::uint64_t most) {
  return {ErrorCode::store_full,
          fmt::format("the files that are kept here would be more than the {} bytes that "
                      "store.bytes allows; delete some",
                      most)};
}

}  // namespace

std::string owner_of(const Call& call) {
  return call.key() == nullptr ? std::string() : std::string(call.key()->name);
}

std::string make_file_id(Random& random) {
  return fmt::format("file-{:016x}{:016x}", random.next(), random.next());
}

std::int64_t unix_now(const Timers& timers) {
  return std::chrono::duration_cast<std::chrono::seconds>(timers.wall_now().time_since_epoch())
      .count();
}

Upload::Upload(Call& call, StorageAccess& access)
    : call_(call), access_(access), thread_(access.shared.vault.thread()) {
  file_.id = make_file_id(call.loop().random);
  file_.owner = owner_of(call);
}

// Closing and removing may take the disk a while. What is being committed will be there by then,
// and nobody would ever know of it.
Upload::~Upload() {
  const IncomingBody* const incoming = call_.request().incoming;
  if (incoming != nullptr) call_.count_bytes_in(incoming->bytes());
  if (!writer_) return;
  auto end = [writer = std::move(writer_), &vault = access_.shared.vault, id = file_.id,
              told = told_]() mutable {
    writer.reset();
    if (!told) static_cast<void>(vault.remove(id));
  };
  static_cast<void>(thread_.post(std::move(end)));
}

Task<Result<StoredFile>> Upload::receive() {
  const auto announced = check_announced();
  if (!announced) co_return std::unexpected(announced.error());
  const auto room = co_await make_room();
  if (!room) co_return std::unexpected(room.error());
  const auto begun = co_await begin_file();
  if (!begun) co_return std::unexpected(begun.error());
  const auto taken = co_await take_body();
  if (!taken) co_return std::unexpected(taken.error());
  const auto whole = form_->finish();
  if (!whole) co_return std::unexpected(whole.error());
  const auto committed = co_await commit();
  if (!committed) co_return std::unexpected(committed.error());
  auto added = co_await add_to_store();
  co_return added;
}

Result<void> Upload::check_announced() const {
  const StoreConfig& settings = call_.current()->snapshot->config.store;
  const std::uint64_t most = settings.file_bytes.bytes;
  if (call_.request().head.content_length.value_or(0) <= most + form_bytes_max) return {};
  return fail(
      ErrorCode::body_too_large,
      fmt::format("the file is larger than the {} bytes that store.file_bytes allows", most));
}

// Asks the store first of all: whoever has been let send a large file is not told then that it is
// away.
Task<Result<void>> Upload::make_room() {
  if (!buffer_hold_.extend(call_.loop().bodies, write_bytes + read_bytes)) {
    co_return fail(ErrorCode::overloaded, "too many bodies in flight; try again soon");
  }
  const auto ask = [](Store& store) { return store.file_bytes(file_bytes_least); };
  const auto kept = co_await access_.store.call(ask);
  if (!kept) co_return std::unexpected(kept.error());
  const std::uint64_t most = call_.current()->snapshot->config.store.bytes.bytes;
  ByteBudget& arriving = access_.shared.arriving;
  arriving.set_most(most - std::min(most, *kept));
  if (!arriving_.extend(arriving, file_bytes_least)) co_return std::unexpected(full(most));
  co_return Result<void>{};
}

Task<Result<void>> Upload::begin_file() {
  const RequestHead& head = call_.request().head;
  const auto boundary = multipart_boundary(head.headers.find("content-type").value_or(""));
  if (!boundary) {
    co_return fail(ErrorCode::bad_request,
                   "send the file as multipart/form-data with a boundary, in the field `file`");
  }
  form_ = std::make_unique<UploadForm>(*boundary,
                                       call_.current()->snapshot->config.store.file_bytes.bytes);
  auto create = [&vault = access_.shared.vault, id = file_.id] { return vault.create(id); };
  auto writer = co_await access_.work.call(thread_, std::move(create));
  if (!writer) co_return std::unexpected(std::move(writer.error()));
  writer_ = *std::move(writer);
  buffer_.reserve(write_bytes + read_bytes);
  co_return Result<void>{};
}

// A small body has been read already.
Task<Result<void>> Upload::take_body() {
  IncomingBody* const incoming = call_.request().incoming;
  if (incoming != nullptr) {
    auto taken = co_await take_incoming(*incoming);
    if (!taken) co_return taken;
  } else {
    const auto fed = form_->feed(call_.request().body.text(), buffer_);
    if (!fed) co_return fed;
  }
  auto written = co_await write_out();
  co_return written;
}

Task<Result<void>> Upload::take_incoming(IncomingBody& incoming) {
  while (true) {
    const auto pieces = co_await incoming.read();
    if (!pieces) co_return std::unexpected(pieces.error());
    if (pieces->empty()) break;
    for (const std::string_view piece : *pieces) {
      const auto fed = form_->feed(piece, buffer_);
      if (!fed) co_return fed;
    }
    if (incoming.bytes() > form_->file_bytes() + form_bytes_max) {
      co_return fail(ErrorCode::body_too_large, "the form has too much besides its file");
    }
    if (buffer_.size() < write_bytes) continue;
    const auto written = co_await write_out();
    if (!written) co_return written;
  }
  co_return Result<void>{};
}

Task<Result<void>> Upload::write_out() {
  if (buffer_.empty()) co_return Result<void>{};
  const std::uint64_t counted = form_->file_bytes();
  if (counted > arriving_.bytes() &&
      !arriving_.extend(access_.shared.arriving, counted - arriving_.bytes())) {
    co_return std::unexpected(full(call_.current()->snapshot->config.store.bytes.bytes));
  }
  // The buffer goes along and comes back.
  auto write = [writer = writer_, bytes = std::move(buffer_)]() mutable -> Result<std::string> {
    const auto written = writer->write(bytes);
    if (!written) return std::unexpected(written.error());
    bytes.clear();
    return std::move(bytes);
  };
  auto written = co_await access_.work.call(thread_, std::move(write));
  if (!written) co_return std::unexpected(std::move(written.error()));
  buffer_ = *std::move(written);
  co_return Result<void>{};
}

Task<Result<void>> Upload::commit() {
  auto work = [writer = writer_] { return writer->commit(); };
  auto committed = co_await access_.work.call(thread_, std::move(work));
  co_return committed;
}

// The store does not always know whether it has failed (a database that does not answer): what is
// in the file stays then, and is swept up later if nobody knows it.
Task<Result<StoredFile>> Upload::add_to_store() {
  const StoreConfig& settings = call_.current()->snapshot->config.store;
  const auto usual = std::chrono::duration_cast<std::chrono::seconds>(settings.expiry).count();
  file_.filename = form_->filename();
  file_.purpose = form_->purpose();
  file_.bytes = form_->file_bytes();
  file_.created_at = unix_now(call_.loop().io.timers);
  file_.expires_at = form_->expires_at(file_.created_at, usual);
  auto add = [file = file_](Store& store) { return store.add_file(file); };
  told_ = true;
  const auto added = co_await access_.store.call(std::move(add));
  if (added) co_return file_;
  const ErrorCode why = added.error().code;
  // It knows nothing of one that it had no room for, or has not been asked about.
  if (why == ErrorCode::store_full || why == ErrorCode::overloaded) {
    static_cast<void>(thread_.post(
        [&vault = access_.shared.vault, id = file_.id] { static_cast<void>(vault.remove(id)); }));
  }
  co_return std::unexpected(added.error());
}

}  // namespace rocket
