#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/work_thread.h"

namespace rocket {

// A descriptor of a file on a disk.
class OpenFile {
 public:
  explicit OpenFile(int fd = -1) : fd_(fd) {}
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&& other) noexcept;
  ~OpenFile();
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// What is in the files that clients have uploaded and batches have made: one file each, named by
// its id, in a folder that nobody else may read. A file is there whole, on the disk, or not at
// all.
//
// Its calls block: whoever is on a loop makes them on one of its threads. Any number of threads,
// and of processes that share the folder. Errors: store_unavailable, store_full.
class FileVault {
 public:
  using Tell = std::function<void(std::string_view what)>;

  // A file that is being written, under another name until commit(). Without it nothing is left.
  class Writer {
   public:
    Writer(std::string scratch, std::string target, OpenFile file, const Tell& tell);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer();

    [[nodiscard]] Result<void> write(std::string_view bytes);
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    // On the disk when it returns, whatever happens to the machine.
    [[nodiscard]] Result<void> commit();

   private:
    [[nodiscard]] Error failure(const char* what, int system_error) const;

    std::string scratch_;
    std::string target_;
    OpenFile file_;
    const Tell& tell_;
    std::uint64_t bytes_ = 0;
    bool committed_ = false;
  };

  class Reader {
   public:
    Reader(OpenFile file, std::uint64_t bytes) : file_(std::move(file)), bytes_(bytes) {}

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    // Fills `into` from `offset` on; how much there was: less than asked for only at the end. What
    // has been removed meanwhile can still be read.
    [[nodiscard]] Result<std::size_t> read(std::uint64_t offset, std::span<char> into) const;

   private:
    OpenFile file_;
    std::uint64_t bytes_;
  };

  // The folder is made when it is first written to.
  explicit FileVault(
      std::string folder, Tell tell = [](std::string_view) {})
      : folder_(std::move(folder)), tell_(std::move(tell)) {}

  // The threads that its calls may be made on. Who does several things in order keeps to one.
  [[nodiscard]] WorkThread& thread();
  // Does what waits and ends the threads.
  void join();
  // False: some was not done by then, see WorkThread.
  [[nodiscard]] bool join_until(std::chrono::steady_clock::time_point deadline);

  // `id` consists of letters, digits, '-' and '_'.
  [[nodiscard]] Result<std::unique_ptr<Writer>> create(std::string_view id);
  // file_not_found: there is none.
  [[nodiscard]] Result<std::unique_ptr<Reader>> open(std::string_view id) const;
  // One that is not there has been removed.
  [[nodiscard]] Result<void> remove(std::string_view id) const;

  // Removes what a process has left that died while it wrote. Then the ids of the files that were
  // last written before `before` (Unix seconds): one of these that no store knows is an orphan.
  [[nodiscard]] Result<std::vector<std::string>> sweep(std::int64_t before) const;

 private:
  [[nodiscard]] std::string path_of(std::string_view id) const;
  [[nodiscard]] Error failure(const std::string& path, int system_error) const;

  std::string folder_;
  Tell tell_;
  std::atomic<std::uint32_t> scratches_ = 0;
  std::atomic<std::uint32_t> next_thread_ = 0;
  std::array<WorkThread, 4> threads_;
};

}  // namespace rocket
