#include "config/read_config.h"

#include <expected>
#include <utility>

#include "config/check.h"
#include "config/yaml_reader.h"
#include "config/yaml_tree.h"

namespace rocket {

ConfigReading read_config(std::string_view yaml_text, const Environment& environment) {
  ConfigReading reading;
  std::expected<YamlNode, std::vector<Problem>> document = parse_yaml(yaml_text);
  if (!document) {
    reading.problems = std::move(document.error());
    return reading;
  }
  Problems problems;
  read_settings(*document, reading.config, problems);
  check(reading.config, environment, problems);
  if (reading.config.order.empty()) reading.config.order = default_order(reading.config);
  reading.problems = problems.take();
  return reading;
}

ConfigReading read_config_file(const std::string& path, const Environment& environment) {
  const Result<std::string> text = environment.file(path);
  if (text) return read_config(*text, environment);
  return {{},
          {{"", "\"" + path + "\" " + text.error().detail,
            "name a configuration file that Rocket may read"}}};
}

}  // namespace rocket
