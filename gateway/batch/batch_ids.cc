#include "batch/batch_ids.h"

#include "base/sha256.h"

namespace rocket {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

std::string derived(std::string_view batch_id, std::string_view what) {
  const Sha256 digest = sha256(std::string(batch_id) + '/' + std::string(what));
  std::string text;
  for (std::size_t i = 0; i < digest.size() / 2; ++i) {
    text += digits[digest[i] >> 4U];
    text += digits[digest[i] & 15U];
  }
  return text;
}

}  // namespace

std::string make_batch_id(Random& random) {
  std::string id = "batch_";
  for (int word = 0; word < 2; ++word) {
    std::uint64_t bits = random.next();
    for (int i = 0; i < 16; ++i) {
      id += digits[bits & 15U];
      bits >>= 4U;
    }
  }
  return id;
}

std::string line_request_id(std::string_view batch_id, std::uint32_t line) {
  return "batch_req_" + derived(batch_id, std::to_string(line));
}

std::string result_file_id(std::string_view batch_id, std::string_view results) {
  return "file-" + derived(batch_id, results);
}

}  // namespace rocket
