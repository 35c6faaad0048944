#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "batch/batch_engine.h"
#include "batch/block_desk.h"
#include "testing/memory_store.h"
#include "testing/sim_gateway.h"

namespace rocket {

// Files of batches in memory, by their ids.
class MemoryFiles final : public BatchFiles {
 public:
  void put(const std::string& id, std::string bytes);
  void remove(const std::string& id);
  [[nodiscard]] std::string get(const std::string& id);

  [[nodiscard]] Result<std::unique_ptr<BatchSource>> open_input(const StoredBatch& batch) override;
  [[nodiscard]] Result<std::unique_ptr<BatchOutput>> create(const std::string& file_id,
                                                            Results results) override;

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const std::string>> files_;
};

// Batches over a simulated gateway: real engines, one for each process that there is to be, over a
// store and files that survive them. What the store's thread does takes no time: each step of the
// clock waits for it, so that the same seed gives the same run.
class SimBatches {
 public:
  explicit SimBatches(SimGateway& gateway);
  ~SimBatches();
  SimBatches(const SimBatches&) = delete;
  SimBatches& operator=(const SimBatches&) = delete;

  // A process begins to work on batches, and dies without a word.
  void start(const std::string& name);
  void kill(const std::string& name);
  [[nodiscard]] BatchEngine& engine(const std::string& name);
  [[nodiscard]] BlockDesk& desk(const std::string& name);
  // In the engine's process.
  void spawn(const std::string& name, Task<void> task);

  // A batch of chat completions over a file with this text. Its id.
  std::string make(const std::string& text, std::int64_t window_seconds = 86'400,
                   LineEngine engine = LineEngine::local);
  void cancel(const std::string& id);

  void run_for(Duration time);
  // For at most `limit`: until it has ended.
  StoredBatch finish(const std::string& id, Duration limit = std::chrono::hours(1));
  [[nodiscard]] StoredBatch batch(const std::string& id);
  // The custom_ids in the file of that id; a line that is no result is "?".
  [[nodiscard]] std::multiset<std::string> names_in(const std::string& file_id);

  [[nodiscard]] MemoryStore& store() { return *store_; }
  [[nodiscard]] MemoryFiles& files() { return files_; }

 private:
  struct Process {
    explicit Process(const BatchSurroundings& around, const std::string& name)
        : engine(around, name), desk(around), tasks(around.loop.io.timers.run_queue()) {}
    BatchEngine engine;
    BlockDesk desk;
    TaskGroup tasks;
  };

  void settle();
  [[nodiscard]] WorkCaller caller();

  SimGateway& gateway_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  MemoryStore* store_ = nullptr;
  StoreThread thread_;
  WorkThread disk_;
  MemoryFiles files_;
  StoreCaller stores_;
  WorkCaller work_;
  LinePlaces places_;
  BatchSurroundings around_;
  std::uint64_t made_ = 0;
  std::map<std::string, std::unique_ptr<Process>> processes_;
};

// Lines "NAME-0" and so on; `more` are members of each body.
[[nodiscard]] std::string sim_lines(int count, const std::string& more = "",
                                    const std::string& name = "line");

}  // namespace rocket
