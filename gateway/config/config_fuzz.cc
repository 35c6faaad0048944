#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "config/read_config.h"
#include "config/units.h"
#include "config/url.h"
#include "config/yaml_writer.h"

namespace rocket {
namespace {

// Everything that a configuration refers to is there.
Environment rich_environment() {
  Environment environment;
  environment.variable = [](const std::string&) { return std::optional<std::string>("sk-1"); };
  environment.file = [](const std::string& path) -> Result<std::string> {
    return path.contains("keys") ? "[]" : "-----BEGIN CERTIFICATE-----";
  };
  return environment;
}

void check_scalars(std::string_view text) {
  if (const Result<EndpointUrl> url = parse_endpoint_url(text)) {
    ROCKET_ASSERT(parse_endpoint_url(url->to_string()) == *url);
  }
  if (const Result<ListenAddress> address = parse_listen_address(text)) {
    ROCKET_ASSERT(parse_listen_address(address->to_string()) == *address);
  }
  if (const std::optional<Duration> duration = parse_duration(text)) {
    ROCKET_ASSERT(parse_duration(to_string(*duration)) == *duration);
  }
  if (const std::optional<ByteSize> size = parse_byte_size(text)) {
    ROCKET_ASSERT(parse_byte_size(to_string(*size)) == *size);
  }
}

bool one_line(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') return false;
  }
  return true;
}

// Whatever the bytes: an accepted configuration reads back to itself, and a refused one is
// refused with lines that a terminal and a log can show.
void check_config(std::string_view text) {
  const Environment environment = rich_environment();
  const ConfigReading reading = read_config(text, environment);
  for (const Problem& problem : reading.problems) {
    ROCKET_ASSERT(!problem.message.empty() && !problem.remedy.empty());
    ROCKET_ASSERT(one_line(format_problem(problem)));
  }
  if (!reading.ok()) return;
  const std::string written = to_yaml(reading.config);
  const ConfigReading again = read_config(written, environment);
  ROCKET_ASSERT(again.ok());
  ROCKET_ASSERT(to_yaml(again.config) == written);
}

}  // namespace
}  // namespace rocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  rocket::check_scalars(text);
  rocket::check_config(text);
  return 0;
}
