#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/call.h"
#include "schema/embedding_batch.h"

namespace rocket {

// Answers embeddings requests of one loop, several of them with one upstream call.
//
// While fewer than two calls of a sort are under way, a request is a call of its own and waits
// for nobody. Otherwise it waits for company, `embedding_batching.wait` at most, and no longer
// than until a call ends. A joined call is an exchange like any other, whose client is this; if it
// does not succeed, each request is asked alone, so that every error is the request's own.
class EmbeddingBatcher {
 public:
  EmbeddingBatcher() = default;
  EmbeddingBatcher(const EmbeddingBatcher&) = delete;
  EmbeddingBatcher& operator=(const EmbeddingBatcher&) = delete;

  [[nodiscard]] Task<void> answer(Call& call);

 private:
  class Group;
  // Requests that may share a call. Whoever is at it last takes its name out.
  struct Sort;
  using Sorts = std::unordered_map<std::string, std::weak_ptr<Sort>>;
  struct Sort {
    Sort(Sorts& all, std::string called) : sorts(all), name(std::move(called)) {}
    Sort(const Sort&) = delete;
    Sort& operator=(const Sort&) = delete;
    ~Sort() { sorts.erase(name); }

    Sorts& sorts;
    std::string name;
    std::size_t under_way = 0;  // calls
    Group* open = nullptr;      // that takes more
  };
  // What one request gets of a joined answer.
  struct Part {
    std::string body;
    HeaderList headers;                    // of the whole answer
    std::shared_ptr<const Current> words;  // what the next four belong to
    std::string_view backend;
    std::string_view endpoint;
    std::string_view route;
    std::string_view model;
    unsigned attempts = 0;
    Duration queue{};
    TimePoint asked_at{};
  };
  // Why nobody who shares a call can be answered.
  struct Failure {
    ErrorCode code;
    std::string retry_after;  // as the call was told; empty: nothing
  };
  class UnderWay;
  class Member;

  static void note_receipt(Call& call, const Part& part);
  static void send(Call& call, const Part& part);
  static void refuse(Call& call, const Failure& failure);
  [[nodiscard]] std::shared_ptr<Sort> sort_of(const Call& call, const std::string& shell);

  // Only those that somebody is at.
  Sorts sorts_;
};

}  // namespace rocket
