#include "proxy/media_files.h"

#include <algorithm>

namespace rocket {
namespace {

constexpr std::string_view remedy = "send the file as a data: URL";
constexpr const char* earlier_place = "an earlier response";

std::string_view word_for(const Result<void>& fetched) {
  if (fetched) return "ok";
  return fetched.error().code == ErrorCode::media_url_refused ? "refused" : "failed";
}

}  // namespace

MediaFiles::~MediaFiles() = default;

std::string MediaFiles::place_of(const MediaUrl& url) const {
  std::string place = "`" + std::string(url.field) + "`";
  if (call_.operation == Operation::ollama_generate) return place;
  const bool items = call_.operation == Operation::responses;
  return place + " in `" + (items ? "input[" : "messages[") + std::to_string(url.turn) + "]`";
}

void MediaFiles::add_earlier(std::string_view json) {
  const JsonKind kind = json.starts_with('[')   ? JsonKind::array
                        : json.starts_with('{') ? JsonKind::object
                                                : JsonKind::null;
  Earlier earlier{json, {}};
  find_attachments(json, {kind, json}, earlier.found);
  earlier_images_ |= earlier.found.images;
  if (!earlier.found.urls.empty()) earlier_.push_back(std::move(earlier));
}

Result<void> MediaFiles::keep_who_may(Route& route, const Snapshot& snapshot) const {
  if (!any()) return {};
  const Backend* refusing = nullptr;
  std::erase_if(route.candidates, [&](const Candidate* one) {
    const Backend& backend = snapshot.backends[one->backend];
    if (backend.media_urls != MediaUrls::refuse) return false;
    if (refusing == nullptr) refusing = &backend;
    for (const std::uint32_t index : one->endpoints) {
      if (Receipt* const receipt = call_.receipt()) {
        receipt->look_at({backend.endpoints[index]->id, 0, "media_urls: refuse"});
      }
    }
    return true;
  });
  if (!route.candidates.empty()) return {};
  return fail(ErrorCode::media_url_refused,
              (urls().empty() ? earlier_place : place_of(urls().front())) +
                  " names a file by its address, and the backend " + refusing->name +
                  " is sent none, since it would get the file from inside its own network; " +
                  std::string(remedy) + ", or set media_urls: fetch");
}

Result<void> MediaFiles::gather() {
  bool too_many = request_.attachments.too_many;
  for (const MediaUrl& url : urls()) {
    const auto gathered = gather(url, url.raw(body()), place_of(url));
    if (!gathered) return gathered;
  }
  for (const auto& [json, found] : earlier_) {
    too_many = too_many || found.too_many;
    for (const MediaUrl& url : found.urls) {
      const auto gathered = gather(url, url.raw(json), earlier_place);
      if (!gathered) return gathered;
    }
  }
  const size_t most = call_.current()->snapshot->config.limits.media_urls;
  if (!too_many && files_.size() <= most) return {};
  return fail(ErrorCode::media_url_refused,
              "the request names more than " + std::to_string(most) +
                  " files by their addresses (limits.media_urls); send some of them as data: URLs");
}

Result<void> MediaFiles::gather(const MediaUrl& url, std::string_view raw, std::string place) {
  if (url.kind == MediaUrl::Kind::other) {
    return fail(ErrorCode::media_url_refused,
                place + " names a file by its address, and only images and PDFs are fetched; " +
                    std::string(remedy));
  }
  const auto same = [&](const One& one) { return one.raw == raw && one.kind == url.kind; };
  // More than one too many need not be told apart.
  if (files_.size() > call_.current()->snapshot->config.limits.media_urls ||
      std::ranges::any_of(files_, same)) {
    return {};
  }
  files_.push_back({raw, url.kind, std::move(place), nullptr, std::nullopt});
  return {};
}

Task<Result<void>> MediaFiles::fetch(TimePoint deadline) {
  const auto gathered = gather();
  if (!gathered) co_return gathered;
  LoopState& loop = call_.loop();
  const Snapshot& snapshot = *call_.current()->snapshot;
  const TimePoint until =
      std::min(deadline, deadline_after(loop.io.timers.now(), snapshot.config.timeouts.media));
  plan_ = std::make_unique<MediaPlan>(
      MediaPlan{.io = loop.io,
                .bodies = loop.bodies,
                .guard = snapshot.media_guard,
                .connect = snapshot.config.timeouts.connect,
                .deadline = until,
                .bytes_left = snapshot.config.limits.media_bytes.bytes});
  WaitSlot ended(loop.io.timers.run_queue());
  TaskGroup tasks(loop.io.timers.run_queue());
  for (One& one : files_)
    tasks.spawn(fetch_one(one, ended));
  // The first that fails is enough.
  while (tasks.size() != 0 && first_error() == nullptr) {
    co_await Wait(loop.io.timers, ended, never);
  }
  tasks.cancel_all();
  if (const Error* const error = first_error()) {
    const Error told = *error;
    files_.clear();
    plan_.reset();
    co_return std::unexpected(told);
  }
  fetched_ = true;
  co_return Result<void>{};
}

Task<void> MediaFiles::fetch_one(One& one, WaitSlot& ended) {
  LoopState& loop = call_.loop();
  const size_t most = call_.current()->snapshot->config.limits.media_fetches;
  Wake wake = Wake::signalled;
  while (loop.media.held() >= most && wake == Wake::signalled) {
    wake = co_await Wait(loop.io.timers, loop.media.freed(), plan_->deadline);
  }
  Result<void> result =
      fail(ErrorCode::overloaded, "too many files are being fetched; try again soon");
  if (wake == Wake::signalled) {
    const MediaPlaces::Place place(loop.media);
    one.fetch = std::make_unique<MediaFetch>(*plan_, one.kind, json_decoded(one.raw).value_or(""));
    result = co_await one.fetch->run();
  }
  if (!result && result.error().code != ErrorCode::overloaded) {
    result.error().detail = one.place + ": " + result.error().detail + "; " + std::string(remedy);
  }
  loop.metrics.counter(Family::media_fetches, {word_for(result)}).add();
  one.result = std::move(result);
  ended.signal_all();
}

const Error* MediaFiles::first_error() const {
  for (const One& one : files_) {
    if (one.result && !*one.result) return &one.result->error();
  }
  return nullptr;
}

std::optional<MediaFile> MediaFiles::find(std::string_view raw, MediaUrl::Kind kind) const {
  for (const One& one : files_) {
    if (fetched_ && one.raw == raw && one.kind == kind) return one.fetch->file();
  }
  if (!names(raw)) return std::nullopt;
  return MediaFile{kind == MediaUrl::Kind::document ? "application/pdf" : "image/png", {}};
}

bool MediaFiles::names(std::string_view raw) const {
  const auto named = [&](const std::span<const MediaUrl> list, std::string_view text) {
    return std::ranges::any_of(list, [&](const MediaUrl& url) { return url.raw(text) == raw; });
  };
  return named(urls(), body()) || std::ranges::any_of(earlier_, [&](const Earlier& one) {
           return named(one.found.urls, one.json);
         });
}

void MediaFiles::append_edits(std::vector<Edit>& edits) const {
  std::vector<PlacedFile> files;
  for (const MediaUrl& url : urls()) {
    if (const auto file = find(url.raw(body()), url.kind)) files.push_back({&url, *file});
  }
  append_media_edits(std::move(files), edits);
  std::ranges::sort(edits, {}, [](const Edit& edit) { return std::pair(edit.begin, edit.end); });
}

void MediaFiles::put_into(std::vector<Part>& parts) const {
  for (Part& part : parts) {
    put_into(part.content);
    const bool document = part.kind == Part::Kind::document;
    if (part.kind != Part::Kind::image && !document) continue;
    // Ollama's reader takes for base64 whatever stands there.
    const bool may_be_address =
        part.media.source == Media::Source::url || part.media.source == Media::Source::base64;
    if (!may_be_address) continue;
    const auto file =
        find(part.media.data.inside, document ? MediaUrl::Kind::document : MediaUrl::Kind::image);
    if (file) part.media = {Media::Source::base64, {file->type}, {file->base64}};
  }
}

void MediaFiles::put_into(Conversation& conversation) const {
  for (Turn& turn : conversation.turns)
    put_into(turn.parts);
}

void MediaFiles::clear() {
  fetched_ = false;
  files_.clear();
  plan_.reset();
  earlier_.clear();
}

}  // namespace rocket
