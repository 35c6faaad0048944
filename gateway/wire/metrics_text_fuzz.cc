#include "wire/metrics_text.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/assert.h"

// Samples are parts of the text; a text's samples are those of its lines; and a sample written
// down again is read as the same one.
namespace {

using namespace rocket;

bool within(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

bool same(double a, double b) {
  return a == b || (a != a && b != b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<MetricSample> all;
  for_each_sample(text, [&](const MetricSample& one) {
    ROCKET_ASSERT(!one.name.empty() && within(one.name, text) && within(one.labels, text));
    const std::string again = std::string(one.name) + '{' + std::string(one.labels) + "} 7";
    const auto read = read_metric_line(again);
    ROCKET_ASSERT(read && read->name == one.name && read->labels == one.labels && read->value == 7);
    all.push_back(one);
  });
  std::size_t count = 0;
  const std::string twice = std::string(text) + '\n' + std::string(text);
  for_each_sample(twice, [&](const MetricSample& one) {
    const MetricSample& first = all.at(count++ % all.size());
    ROCKET_ASSERT(one.name == first.name && same(one.value, first.value));
  });
  ROCKET_ASSERT(count == 2 * all.size());
  return 0;
}
