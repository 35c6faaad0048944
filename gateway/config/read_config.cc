#include "config/read_config.h"

#include <expected>
#include <utility>

#include "config/check.h"
#include "config/keys_file.h"
#include "config/yaml_reader.h"
#include "config/yaml_tree.h"

namespace rocket {

namespace {

// Files are named from where the configuration stands, wherever Rocket was started.
void find_files(Config& config, const std::string& folder) {
  const auto find = [&](std::string& path) {
    if (!path.empty() && !path.starts_with('/')) path.insert(0, folder);
  };
  for (BackendConfig& backend : config.backends) {
    find(backend.api_key_file);
    find(backend.ca_file);
  }
  find(config.keys_file.path);
  find(config.store.path);
  find(config.store.files);
  find(config.tls.cert_file);
  find(config.tls.key_file);
  find(config.otlp.headers_file);
  find(config.otlp.ca_file);
}

void load_keys(KeysFile& file, const Environment& environment, Problems& problems) {
  if (file.path.empty()) return;
  const Result<std::string> text = environment.file(file.path);
  if (text) {
    file.keys = read_keys(*text, problems);
  } else {
    problems.add("keys_file", in_quotes(file.path) + ' ' + text.error().detail,
                 "let `rocket key new` make it, or remove keys_file");
  }
}

}  // namespace

ConfigReading read_config(std::string_view yaml_text, const Environment& environment,
                          const std::string& folder) {
  ConfigReading reading;
  std::expected<YamlNode, std::vector<Problem>> document = parse_yaml(yaml_text);
  if (!document) {
    reading.problems = std::move(document.error());
    return reading;
  }
  Problems problems;
  read_settings(*document, reading.config, problems);
  find_files(reading.config, folder);
  load_keys(reading.config.keys_file, environment, problems);
  check(reading.config, environment, problems);
  if (reading.config.order.empty()) reading.config.order = default_order(reading.config);
  reading.problems = problems.take();
  return reading;
}

ConfigReading read_config_file(const std::string& path, const Environment& environment) {
  const Result<std::string> text = environment.file(path);
  if (text) return read_config(*text, environment, path.substr(0, path.rfind('/') + 1));
  return {{},
          {{"", "\"" + path + "\" " + text.error().detail,
            "name a configuration file that Rocket may read"}}};
}

}  // namespace rocket
