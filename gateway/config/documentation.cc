#include "config/documentation.h"

#include <fmt/format.h>

#include <concepts>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/settings.h"
#include "config/yaml_writer.h"

namespace rocket {

namespace {

constexpr std::string_view introduction = R"(# Configuration

<!-- Generated from gateway/config/config.h: change it there. -->

Rocket reads one file, `./rocket.yaml` or the one that `--config` names, in YAML or JSON. Every
setting has a default but `backends`. A key that Rocket does not know is an error, never ignored;
`rocket check FILE` prints all problems at once, each with its place and its remedy.

- **duration**: a number and its unit, `250ms`, `2s`, `5m`, `1h`.
- **size**: a number of bytes, or a number and its unit, `64KiB`, `100MiB`, `1GiB`.
- **address**: `127.0.0.1:8000`, `[::1]:8000` or `unix:/path/to/socket`.
- **Secrets** never stand in the file: `api_key_env` and `api_key_file` say where they are. A key is
  sent to its own backend alone; over `http://` to another machine everybody on the way can read it.
- **Files** are looked up from the folder of the configuration file.

An example:

```yaml
listen: 127.0.0.1:8000
backends:
  - name: vllm
    kind: vllm
    urls: ["http://127.0.0.1:8001", "http://127.0.0.1:8002"]
    default_model: qwen2.5
  - name: ollama
    kind: ollama
    urls: ["http://127.0.0.1:11434"]
    default_model: llama3
order: [vllm, ollama]
models:
  fast:
    - {backend: vllm, model: qwen2.5, weight: 90}
    - {backend: ollama, model: llama3, weight: 10}
  steady:
    candidates: [{backend: vllm}, {backend: ollama}]
    substitute: true
timeouts: {first_token: 30s}
```
)";

constexpr std::string_view keys = R"(
## The keys file

A list of the API keys that open the data port, each with its hash only: `rocket key new --name N
--keys-file F` makes a key, shows it once and adds its entry. Clients send it as `Authorization:
Bearer KEY` or `x-api-key: KEY`. Rocket takes up a changed file within a second; what a key has used
of its limits stays if its entry does.

```yaml
- {name: alice, hash: "sha256:..."}
- {name: nightly, hash: "sha256:...", lane: batch, models: [fast, "qwen*"], tpm: 200000}
```
)";

template <class T>
std::string type_name() {
  if constexpr (is_list<T>) {
    return "list of " + type_name<typename T::value_type>();
  } else if constexpr (is_map<T>) {
    return "settings by name";
  } else if constexpr (Settings<T>) {
    return "settings";
  } else if constexpr (is_optional<T>) {
    return type_name<typename T::value_type>();
  } else if constexpr (std::same_as<T, bool>) {
    return "`true` or `false`";
  } else if constexpr (std::same_as<T, std::uint32_t>) {
    return "whole number";
  } else if constexpr (std::same_as<T, double>) {
    return "number";
  } else if constexpr (std::same_as<T, std::string>) {
    return "text";
  } else if constexpr (std::same_as<T, Duration>) {
    return "duration";
  } else if constexpr (std::same_as<T, ByteSize>) {
    return "size";
  } else if constexpr (std::same_as<T, ListenAddress>) {
    return "address";
  } else if constexpr (std::same_as<T, EndpointUrl>) {
    return "URL";
  } else if constexpr (std::same_as<T, KeysFile>) {
    return "file";
  } else if constexpr (std::same_as<T, Lane>) {
    return "lane";
  } else if constexpr (std::same_as<T, NativeApi>) {
    return "API";
  } else if constexpr (std::same_as<T, LineEngine>) {
    return "`local` or `ray`";
  } else if constexpr (std::same_as<T, MediaUrls>) {
    return "`auto`, `refuse`, `fetch` or `pass`";
  } else if constexpr (std::same_as<T, Sha256>) {
    return "hash";
  } else {
    static_assert(std::same_as<T, BackendKind>);
    return "kind";
  }
}

template <class T>
std::string default_text(const T& value) {
  if constexpr (Settings<T>) {
    return "below";
  } else if constexpr (is_optional<T> || std::same_as<T, Sha256> || std::same_as<T, KeysFile>) {
    return "none";
  } else if constexpr (is_list<T> || is_map<T> || std::same_as<T, std::string>) {
    return value.empty() ? "none" : '`' + to_yaml(value) + '`';
  } else if constexpr (std::same_as<T, ListenAddress>) {
    return '`' + value.to_string() + '`';
  } else {
    return '`' + to_yaml(value) + '`';
  }
}

// One table per struct, in the order of the settings, each followed by those of its members.
class Tables {
 public:
  template <Settings T>
  void add(const std::string& path, const T& defaults) {
    text_ += path.empty() ? "\n## Top level\n\n" : fmt::format("\n## `{}`\n\n", path);
    text_ += "| key | type | default | meaning |\n|---|---|---|---|\n";
    T::fields(defaults, [&](std::string_view key, const auto& value, std::string_view meaning) {
      using Value = std::remove_cvref_t<decltype(value)>;
      text_ += fmt::format("| `{}` | {} | {} | {} |\n", key, type_name<Value>(),
                           default_text(value), meaning);
    });
    T::fields(defaults, [&](std::string_view key, const auto& value, std::string_view) {
      add_member(path.empty() ? std::string(key) : fmt::format("{}.{}", path, key), value);
    });
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  template <class T>
  void add_member(const std::string& path, const T& value) {
    if constexpr (Settings<T>) {
      add(path, value);
    } else if constexpr (is_list<T>) {
      if constexpr (Settings<typename T::value_type>) add(path + "[]", typename T::value_type{});
    } else if constexpr (is_map<T>) {
      add(path + ".NAME", typename T::mapped_type{});
    }
  }

  std::string text_;
};

}  // namespace

std::string documentation_markdown() {
  Tables tables;
  tables.add("", Config{});
  Tables of_keys;
  of_keys.add("keys_file[]", KeyConfig{});
  return std::string(introduction) + tables.take() + std::string(keys) + of_keys.take();
}

}  // namespace rocket
