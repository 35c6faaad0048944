#include "batch/block_operations.h"

#include <utility>

#include "batch/batch_json.h"
#include "batch/storage_error.h"
#include "wire/http_writer.h"
#include "wire/json.h"

namespace rocket {
namespace {

constexpr Duration tell_again = std::chrono::seconds(1);

std::string_view to_string(DeskBatch::End end) {
  switch (end) {
    case DeskBatch::End::done: return "done";
    case DeskBatch::End::ended: return "ended";
    case DeskBatch::End::replaced: return "replaced";
    case DeskBatch::End::stopped: return "stopped";
  }
  return "stopped";
}

std::string describe(const StoredBatch& batch, std::int64_t now) {
  const std::string cluster =
      batch.job_until > now ? R"(,"cluster":)" + json_quoted(batch.job_cluster) : std::string();
  return R"("id":)" + json_quoted(batch.id) + R"(,"status":)" +
         json_quoted(to_string(batch.status)) + R"(,"total":)" + std::to_string(batch.total) +
         R"(,"completed":)" + std::to_string(batch.completed) + R"(,"failed":)" +
         std::to_string(batch.failed) + cluster;
}

Task<void> list(Call& call, BlockDesk& desk) {
  const auto found = co_await desk.batches();
  if (!found) {
    send_storage_error(call, found.error());
    co_return;
  }
  const auto since = call.loop().io.timers.wall_now().time_since_epoch();
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  std::string text;
  for (const StoredBatch& batch : *found)
    text += (text.empty() ? "{" : ",{") + describe(batch, now) + '}';
  call.send_json(200, R"({"batches":[)" + text + "]}");
}

// The media type has to be JSON, which makes a web page ask for leave first (0031).
bool check_content_type(Call& call) {
  const auto type = call.request().head.headers.find("content-type").value_or("");
  if (type.substr(0, type.find(';')) == "application/json") return true;
  call.send_error({ErrorCode::unsupported_encoding,
                   "the admin port takes JSON here: send content-type: application/json"});
  return false;
}

// One block while it is asked, and whoever waits for it.
class BlockAnswer {
 public:
  BlockAnswer(Call& call, std::shared_ptr<DeskBatch> batch, BlockRequest request)
      : call_(call),
        timers_(call.loop().io.timers),
        batch_(std::move(batch)),
        request_(std::move(request)),
        ended_(timers_.run_queue()),
        tasks_(timers_.run_queue()) {}

  [[nodiscard]] Task<void> run() {
    std::string lines = call_.common_lines();
    append_header(lines, "content-type", "application/x-ndjson");
    call_.response().start_stream(200, lines);
    tasks_.spawn(work());
    while (!end_) {
      const char* const word = view_.waits() ? "{\"waiting\":true}\n" : "{\"asking\":true}\n";
      const bool alive = co_await say(word, false);
      if (!alive) co_return;
      if (!end_) {
        co_await Wait(timers_, ended_, timers_.now() + tell_again);
      }
    }
    std::string last = R"({"end":")" + std::string(to_string(*end_)) + "\"}\n";
    const bool alive = co_await say(std::move(last), true);
    if (alive) call_.close_account(Outcome::ok, Blame::none);
  }

 private:
  [[nodiscard]] Task<void> work() {
    const auto end = co_await batch_->work(request_.range.value(), request_.driver, view_);
    end_ = end;
    ended_.signal_all();
  }
  [[nodiscard]] Task<bool> say(std::string text, bool last) {
    const std::string_view piece = text;
    call_.response().write({&piece, 1}, last);
    if (!call_.response().blocked()) co_return call_.response().alive();
    const bool alive = co_await call_.response().drained();
    co_return alive;
  }

  Call& call_;
  Timers& timers_;
  const std::shared_ptr<DeskBatch> batch_;
  const BlockRequest request_;
  BlockView view_;
  std::optional<DeskBatch::End> end_;
  WaitSlot ended_;
  TaskGroup tasks_;
};

Task<void> tell_unfinished(Call& call, std::shared_ptr<DeskBatch> batch, JobDriver driver) {
  const std::string about = R"({"id":)" + json_quoted(batch->batch().id) + R"(,"total":)" +
                            std::to_string(batch->lines());
  const bool taken = co_await batch->take_job(std::move(driver));
  if (!taken) {
    call.send_json(200, about + R"(,"taken":true})");
    co_return;
  }
  const auto ranges = co_await batch->unfinished();
  call.send_json(200, about + R"(,"unfinished":)" + write_ranges(ranges) + R"(,"models":)" +
                          write_places(batch->models()) + "}");
}

Task<void> answer_driver(Call& call, BlockDesk& desk) {
  if (!check_content_type(call)) co_return;
  auto batch = co_await desk.open(call.parameter);
  if (!batch) {
    send_storage_error(call, batch.error());
    co_return;
  }
  auto request = read_block_request(call.request().body.text(), (*batch)->lines());
  if (!request) {
    call.send_error(request.error());
    co_return;
  }
  if (request->range) {
    BlockAnswer answer(call, *std::move(batch), *std::move(request));
    co_await answer.run();
  } else {
    co_await tell_unfinished(call, *std::move(batch), std::move(request->driver));
  }
}

Task<void> hear_of_ray(Call& call, RayWord& word) {
  if (!check_content_type(call)) co_return;
  const auto json = parse_json(call.request().body.text());
  const auto there =
      json && json->kind == JsonKind::object ? json_find(json->text, "there") : std::nullopt;
  const auto told = there ? there->as_bool() : std::nullopt;
  if (!told) {
    call.send_error({ErrorCode::invalid_field, "expected {\"there\": true}, or false"});
    co_return;
  }
  word.hear(*told, call.loop().io.timers.now());
  call.send_json(200, "{}");
}

}  // namespace

void add_block_operations(Operations& operations, BlockDesk& desk, RayWord& word) {
  operations.add({Method::get, "/batches", Operation::none,
                  [&desk](Call& call) { return list(call, desk); }, true});
  operations.add({Method::post, "/batches/", Operation::none,
                  [&desk](Call& call) { return answer_driver(call, desk); }, true});
  operations.add({Method::post, "/ray", Operation::none,
                  [&word](Call& call) { return hear_of_ray(call, word); }, true});
}

}  // namespace rocket
