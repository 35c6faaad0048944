#include "testing/recorder.h"

#include <utility>

namespace rocket {

void Recorder::record(RecordedRequest request) {
  const std::size_t bytes = request.raw.size() + request.head.size() + request.body.size();
  if (bytes > bytes_max_ - bytes_) {
    ++dropped_;
    return;
  }
  bytes_ += bytes;
  requests_.push_back(std::move(request));
}

void Recorder::clear() {
  requests_.clear();
  bytes_ = 0;
  dropped_ = 0;
}

}  // namespace rocket
