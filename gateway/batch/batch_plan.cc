#include "batch/batch_plan.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace rocket {

std::vector<std::uint32_t> asking_order(std::span<const IndexedLine> lines) {
  std::vector<std::uint32_t> order(lines.size());
  std::iota(order.begin(), order.end(), 0U);
  // Both are numbered as they first appear.
  std::ranges::sort(order, {}, [&](std::uint32_t line) {
    return std::tuple(lines[line].model, lines[line].prefix, line);
  });
  return order;
}

BatchPlan::BatchPlan(std::span<const IndexedLine> lines, const std::vector<bool>& finished,
                     std::span<const BegunLine> begun) {
  const auto done = [&](std::uint32_t line) { return line < finished.size() && finished[line]; };
  std::vector<bool> apart(lines.size());
  for (const BegunLine& one : begun) {
    if (one.times < suspected || one.line >= lines.size() || done(one.line)) continue;
    apart[one.line] = true;
    suspects_.push_back(one);
  }
  for (const std::uint32_t line : asking_order(lines)) {
    if (done(line) || apart[line]) continue;
    ++left_;
    const std::uint32_t model = lines[line].model;
    if (queues_.empty() || queues_.back().model != model) {
      queues_.push_back({.model = model, .lines = {}});
    }
    queues_.back().lines.push_back(line);
  }
}

std::vector<std::uint32_t> BatchPlan::take(std::size_t most, TimePoint now, const Room& room) {
  std::vector<std::uint32_t> taken;
  for (Queue& queue : queues_) {
    if (taken.size() == most) break;
    if (queue.held_until > now || queue.next == queue.lines.size()) continue;
    const std::size_t wanted = room ? room(queue.model) : most;
    const std::size_t end =
        queue.next + std::min({wanted, most - taken.size(), queue.lines.size() - queue.next});
    while (queue.next < end)
      taken.push_back(queue.lines[queue.next++]);
  }
  left_ -= taken.size();
  return taken;
}

// Whatever stood at the places before `next` has been taken.
bool BatchPlan::give_back(std::uint32_t model, std::uint32_t line) {
  Queue* const queue = queue_of(model);
  if (queue == nullptr || queue->next == 0) return false;
  queue->lines[--queue->next] = line;
  ++left_;
  return true;
}

bool BatchPlan::hold(std::uint32_t model, TimePoint until) {
  Queue* const queue = queue_of(model);
  if (queue == nullptr) return false;
  queue->held_until = std::max(queue->held_until, until);
  return true;
}

BatchPlan::Queue* BatchPlan::queue_of(std::uint32_t model) {
  const auto queue = std::ranges::lower_bound(queues_, model, {}, &Queue::model);
  return queue == queues_.end() || queue->model != model ? nullptr : &*queue;
}

bool BatchPlan::held(std::uint32_t model, TimePoint now) const {
  const auto queue = std::ranges::lower_bound(queues_, model, {}, &Queue::model);
  return queue != queues_.end() && queue->model == model && queue->held_until > now;
}

TimePoint BatchPlan::next_at() const {
  TimePoint next = never;
  for (const Queue& queue : queues_) {
    if (queue.next < queue.lines.size()) next = std::min(next, queue.held_until);
  }
  return next;
}

std::optional<BegunLine> BatchPlan::take_suspect() {
  if (next_suspect_ == suspects_.size()) return std::nullopt;
  return suspects_[next_suspect_++];
}

}  // namespace rocket
