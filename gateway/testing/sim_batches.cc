#include "testing/sim_batches.h"

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace rocket {
namespace {

class MemorySource final : public BatchSource {
 public:
  explicit MemorySource(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset,
                                         std::span<char> into) const override {
    if (offset >= bytes_->size()) return 0U;
    return bytes_->copy(into.data(), into.size(), offset);
  }

 private:
  std::shared_ptr<const std::string> bytes_;
};

class MemoryOutput final : public BatchOutput {
 public:
  MemoryOutput(MemoryFiles& files, std::string id) : files_(files), id_(std::move(id)) {}
  [[nodiscard]] Result<void> append(std::string_view bytes) override {
    bytes_ += bytes;
    return {};
  }
  [[nodiscard]] Result<std::uint64_t> finish() override {
    files_.put(id_, bytes_);
    return bytes_.size();
  }

 private:
  MemoryFiles& files_;
  std::string id_;
  std::string bytes_;
};

}  // namespace

void MemoryFiles::put(const std::string& id, std::string bytes) {
  const std::lock_guard lock(mutex_);
  files_[id] = std::make_shared<const std::string>(std::move(bytes));
}

void MemoryFiles::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  files_.erase(id);
}

std::string MemoryFiles::get(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(id);
  return found == files_.end() ? std::string() : *found->second;
}

Result<std::unique_ptr<BatchSource>> MemoryFiles::open_input(const StoredBatch& batch) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(batch.input_file_id);
  if (found == files_.end()) return fail(ErrorCode::file_not_found);
  return std::make_unique<MemorySource>(found->second);
}

Result<std::unique_ptr<BatchOutput>> MemoryFiles::create(const std::string& file_id, Results) {
  return std::make_unique<MemoryOutput>(*this, file_id);
}

SimBatches::SimBatches(SimGateway& gateway)
    : gateway_(gateway),
      thread_([this](StoreThread::Need) -> Result<std::unique_ptr<Store>> {
        auto store = std::make_unique<MemoryStore>();
        store_ = store.get();
        return store;
      }),
      stores_(thread_, caller()),
      work_(caller()),
      places_(gateway.state),
      around_{gateway.state, stores_, work_, disk_, files_, places_, gateway.log} {
  ROCKET_ASSERT(thread_.post(StoreThread::Need::make, [](Result<Store*>) {}));
  settle();
}

SimBatches::~SimBatches() {
  processes_.clear();
  thread_.join();
  disk_.join();
}

WorkCaller SimBatches::caller() {
  return {gateway_.loop, [this](std::function<void()> work) {
            const std::lock_guard lock(mutex_);
            posted_.push_back(std::move(work));
          }};
}

void SimBatches::start(const std::string& name) {
  auto& process = processes_[name];
  process = std::make_unique<Process>(around_, name);
  process->tasks.spawn(process->engine.run());
}

void SimBatches::kill(const std::string& name) {
  processes_.erase(name);
}

BatchEngine& SimBatches::engine(const std::string& name) {
  return processes_.at(name)->engine;
}

BlockDesk& SimBatches::desk(const std::string& name) {
  return processes_.at(name)->desk;
}

void SimBatches::spawn(const std::string& name, Task<void> task) {
  processes_.at(name)->tasks.spawn(std::move(task));
}

std::string SimBatches::make(const std::string& text, std::int64_t window_seconds,
                             LineEngine engine) {
  StoredBatch batch;
  batch.id = "batch_" + std::to_string(++made_);
  batch.endpoint = "/v1/chat/completions";
  batch.input_file_id = "file-" + std::to_string(made_);
  batch.completion_window = "24h";
  batch.metadata = "null";
  batch.engine = to_string(engine);
  batch.created_at =
      std::chrono::duration_cast<std::chrono::seconds>(gateway_.loop.wall_now().time_since_epoch())
          .count();
  batch.expires_at = batch.created_at + window_seconds;
  files_.put(batch.input_file_id, text);
  ROCKET_ASSERT(store_->add_batch(batch).has_value());
  for (const auto& [name, process] : processes_)
    process->engine.look();
  return batch.id;
}

void SimBatches::cancel(const std::string& id) {
  StoredBatch cancelled = batch(id);
  const BatchStatus before = std::exchange(cancelled.status, BatchStatus::cancelling);
  ROCKET_ASSERT(store_->update_batch(cancelled, before).value_or(false));
  for (const auto& [name, process] : processes_)
    process->engine.look();
}

void SimBatches::run_for(Duration time) {
  // A long time in longer steps: meeting the threads is what takes real time.
  constexpr Duration step_min = std::chrono::milliseconds(2);
  constexpr Duration step_max = std::chrono::milliseconds(100);
  const Duration step = std::clamp<Duration>(time / 2000, step_min, step_max);
  const TimePoint end = gateway_.loop.now() + time;
  while (gateway_.loop.now() < end) {
    gateway_.loop.run_until(std::min(end, gateway_.loop.now() + step));
    settle();
  }
}

StoredBatch SimBatches::finish(const std::string& id, Duration limit) {
  const TimePoint end = gateway_.loop.now() + limit;
  while (!has_ended(batch(id).status) && gateway_.loop.now() < end)
    run_for(std::chrono::milliseconds(20));
  return batch(id);
}

StoredBatch SimBatches::batch(const std::string& id) {
  const auto found = store_->find_batch("", id);
  return found && *found ? **found : StoredBatch{};
}

// Until neither thread has anything to do and the loop has heard of all that they did.
void SimBatches::settle() {
  while (true) {
    std::promise<void> store_done;
    std::promise<void> disk_done;
    ROCKET_ASSERT(thread_.post(StoreThread::Need::look,
                               [&store_done](Result<Store*>) { store_done.set_value(); }));
    ROCKET_ASSERT(disk_.post([&disk_done] { disk_done.set_value(); }));
    store_done.get_future().wait();
    disk_done.get_future().wait();
    std::vector<std::function<void()>> work;
    {
      const std::lock_guard lock(mutex_);
      work.swap(posted_);
    }
    if (work.empty()) return;
    for (const auto& each : work)
      each();
    gateway_.loop.run_for(Duration::zero());
  }
}

std::multiset<std::string> SimBatches::names_in(const std::string& file_id) {
  std::multiset<std::string> names;
  std::istringstream lines(files_.get(file_id));
  for (std::string line; std::getline(lines, line);) {
    const auto read = nlohmann::json::parse(line, nullptr, false);
    names.insert(read.is_object() ? read.value("custom_id", "?") : "?");
  }
  return names;
}

std::string sim_lines(int count, const std::string& more, const std::string& name) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += R"({"custom_id":")" + name + '-' + std::to_string(i) +
            R"(","method":"POST","url":"/v1/chat/completions","body":{"model":"fake-model",)" +
            more + R"("messages":[{"role":"user","content":"hi"}]}})" + "\n";
  }
  return text;
}

}  // namespace rocket
