#include "config/yaml_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/keys_file.h"
#include "config/settings.h"
#include "config/units.h"
#include "config/unknown_key.h"
#include "config/url.h"

namespace rocket {

namespace {

std::string found(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null: return "nothing";
    case YamlNode::Kind::list: return "a list";
    case YamlNode::Kind::map: return "keys and values";
    case YamlNode::Kind::scalar: break;
  }
  return (node.quoted ? "the text " : "") + in_quotes(node.text);
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
}

// Decimal, finite, and not to be mistaken for octal.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  const bool octal = text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
  if (error != std::errc() || end != text.end() || octal) return std::nullopt;
  if constexpr (std::floating_point<Number>) {
    if (!std::isfinite(number)) return std::nullopt;
  }
  return number;
}

// How each type of scalar is read: what to expect of the file, the remedy if something else
// stands there, and the value, or an Error whose detail is the problem's message. An empty detail
// stands for "expected EXPECTED, found what is there".
template <class T>
struct Scalar;

template <class T>
Result<T> value_or_mismatch(const std::optional<T>& value) {
  if (!value) return fail(ErrorCode::invalid_field);
  return *value;
}

template <>
struct Scalar<bool> {
  static constexpr std::string_view expected = "true or false";
  static constexpr std::string_view remedy = "write true or false, without quotes";
  static Result<bool> read(const YamlNode& node) {
    if (node.quoted || (node.text != "true" && node.text != "false")) {
      return fail(ErrorCode::invalid_field);
    }
    return node.text == "true";
  }
};

template <>
struct Scalar<std::uint32_t> {
  static constexpr std::string_view expected = "a whole number";
  static constexpr std::string_view remedy = "write it in digits, without quotes";
  static Result<std::uint32_t> read(const YamlNode& node) {
    if (node.quoted) return fail(ErrorCode::invalid_field);
    return value_or_mismatch(parse_number<std::uint32_t>(node.text));
  }
};

template <>
struct Scalar<double> {
  static constexpr std::string_view expected = "a number";
  static constexpr std::string_view remedy = "write a number such as 0.5, without quotes";
  static Result<double> read(const YamlNode& node) {
    if (node.quoted) return fail(ErrorCode::invalid_field);
    return value_or_mismatch(parse_number<double>(node.text));
  }
};

template <>
struct Scalar<std::optional<std::uint32_t>> : Scalar<std::uint32_t> {};

template <>
struct Scalar<std::optional<double>> : Scalar<double> {};

template <>
struct Scalar<std::string> {
  static constexpr std::string_view expected = "text";
  static constexpr std::string_view remedy = "write one line of text";
  static Result<std::string> read(const YamlNode& node) {
    if (has_control(node.text)) {
      return fail(ErrorCode::invalid_field, "has a line break or another control character");
    }
    return node.text;
  }
};

template <>
struct Scalar<Duration> {
  static constexpr std::string_view expected = "a duration such as 250ms";
  static constexpr std::string_view remedy =
      "write a number and its unit: ms, s, m or h, at most 10000h";
  static Result<Duration> read(const YamlNode& node) {
    return value_or_mismatch(parse_duration(node.text));
  }
};

template <>
struct Scalar<ByteSize> {
  static constexpr std::string_view expected = "a size such as 64KiB";
  static constexpr std::string_view remedy =
      "write a number of bytes, or a number and its unit: KiB, MiB or GiB, at most 1048576GiB";
  static Result<ByteSize> read(const YamlNode& node) {
    return value_or_mismatch(parse_byte_size(node.text));
  }
};

template <>
struct Scalar<ListenAddress> {
  static constexpr std::string_view expected = "an address such as 127.0.0.1:8000";
  static constexpr std::string_view remedy = "write IP:PORT, [IPv6]:PORT or unix:PATH";
  static Result<ListenAddress> read(const YamlNode& node) {
    return parse_listen_address(node.text);
  }
};

template <>
struct Scalar<std::optional<ListenAddress>> : Scalar<ListenAddress> {
  static Result<std::optional<ListenAddress>> read(const YamlNode& node) {
    if (node.text.empty()) return std::nullopt;
    return Scalar<ListenAddress>::read(node);
  }
};

template <>
struct Scalar<EndpointUrl> {
  static constexpr std::string_view expected = "a URL such as http://127.0.0.1:11434";
  static constexpr std::string_view remedy =
      "write scheme, host, port and at most a base path, such as https://models.example/base";
  static Result<EndpointUrl> read(const YamlNode& node) { return parse_endpoint_url(node.text); }
};

template <>
struct Scalar<BackendKind> {
  static constexpr std::string_view expected = "a kind of backend";
  static constexpr std::string_view remedy = "write ollama, vllm, lmstudio, anthropic or openai";
  static Result<BackendKind> read(const YamlNode& node) {
    return value_or_mismatch(backend_kind(node.text));
  }
};

template <>
struct Scalar<Lane> {
  static constexpr std::string_view expected = "a lane";
  static constexpr std::string_view remedy = "write interactive, normal or batch";
  static Result<Lane> read(const YamlNode& node) { return value_or_mismatch(lane(node.text)); }
};

template <>
struct Scalar<NativeApi> {
  static constexpr std::string_view expected = "an API";
  static constexpr std::string_view remedy = "write responses, messages or count_tokens";
  static Result<NativeApi> read(const YamlNode& node) {
    return value_or_mismatch(native_api(node.text));
  }
};

template <>
struct Scalar<LineEngine> {
  static constexpr std::string_view expected = "an engine";
  static constexpr std::string_view remedy = "write local or ray";
  static Result<LineEngine> read(const YamlNode& node) {
    return value_or_mismatch(line_engine(node.text));
  }
};

template <>
struct Scalar<MediaUrls> {
  static constexpr std::string_view expected = "what to do with URLs";
  static constexpr std::string_view remedy = "write auto, refuse, fetch or pass";
  static Result<MediaUrls> read(const YamlNode& node) {
    return value_or_mismatch(media_urls(node.text));
  }
};

template <>
struct Scalar<std::optional<MediaUrls>> : Scalar<MediaUrls> {};

// Never shows what stands there: it may be the key itself.
template <>
struct Scalar<Sha256> {
  static constexpr std::string_view expected = "sha256: and 64 hexadecimal digits";
  static constexpr std::string_view remedy =
      "let `rocket key new` write it; never put the key itself here";
  static Result<Sha256> read(const YamlNode& node) {
    if (const auto hash = parse_key_hash(node.text)) return *hash;
    return fail(ErrorCode::invalid_field, "is not sha256: and 64 hexadecimal digits");
  }
};

template <>
struct Scalar<KeysFile> : Scalar<std::string> {
  static Result<KeysFile> read(const YamlNode& node) {
    auto path = Scalar<std::string>::read(node);
    if (!path) return std::unexpected(std::move(path.error()));
    return KeysFile{*std::move(path), {}};
  }
};

class SettingsReader {
 public:
  explicit SettingsReader(Problems& problems) : problems_(problems) {}

  template <Settings T>
  void read(const YamlNode& node, const std::string& path, T& settings) {
    if (node.kind != YamlNode::Kind::map) {
      mismatch(node, path, {"keys and values", "write them as {key: value}"});
      return;
    }
    refuse_repeated_keys(node, path);
    std::vector<std::string_view> known;
    T::fields(settings, [&](std::string_view key, auto& member, std::string_view) {
      known.push_back(key);
      if (const YamlNode* given = node.find(key)) read(*given, member_path(path, key), member);
    });
    std::set<std::string_view> seen(known.begin(), known.end());
    for (size_t i = 0; i < node.keys.size(); ++i) {
      if (!seen.insert(node.keys[i]).second) continue;
      refuse_unknown_key({path, node.keys[i], node.items[i], known}, problems_);
    }
  }

  template <class T>
  void read(const YamlNode& node, const std::string& path, std::vector<T>& list) {
    if (node.kind != YamlNode::Kind::list) {
      mismatch(node, path, {"a list", "write it as [A, B]"});
      return;
    }
    list.assign(node.items.size(), T{});
    for (size_t i = 0; i < list.size(); ++i)
      read(node.items[i], element_path(path, i), list[i]);
  }

  void read(const YamlNode& node, const std::string& path,
            std::map<std::string, RouteConfig>& routes) {
    if (node.kind != YamlNode::Kind::map) {
      mismatch(node, path, {"routes by name", "write them as {NAME: [{backend: NAME}]}"});
      return;
    }
    refuse_repeated_keys(node, path);
    for (size_t i = 0; i < node.keys.size(); ++i) {
      const std::string& name = node.keys[i];
      if (has_control(name)) {
        problems_.add(member_path(path, name), "a control character in a route's name",
                      "remove it");
        continue;
      }
      read(node.items[i], member_path(path, name), routes[name]);
    }
  }

  // A list is short for a route's candidates.
  void read(const YamlNode& node, const std::string& path, RouteConfig& route) {
    if (node.kind == YamlNode::Kind::list) {
      read(node, member_path(path, "candidates"), route.candidates);
    } else if (node.kind == YamlNode::Kind::map) {
      read<RouteConfig>(node, path, route);
    } else {
      mismatch(node, path, {"a list of candidates", "write it as [{backend: NAME, model: MODEL}]"});
    }
  }

  template <class T>
    requires requires { Scalar<T>::expected; }
  void read(const YamlNode& node, const std::string& path, T& value) {
    Result<T> result = fail(ErrorCode::invalid_field);
    if (node.kind == YamlNode::Kind::scalar) result = Scalar<T>::read(node);
    if (result) {
      value = *std::move(result);
    } else if (result.error().detail.empty()) {
      mismatch(node, path, {Scalar<T>::expected, Scalar<T>::remedy});
    } else {
      problems_.add_unread(path, std::move(result.error().detail), std::string(Scalar<T>::remedy));
    }
  }

 private:
  struct Expectation {
    std::string_view what;
    std::string_view remedy;
  };

  void mismatch(const YamlNode& node, const std::string& path, Expectation expectation) {
    problems_.add_unread(path,
                         "expected " + std::string(expectation.what) + ", found " + found(node),
                         std::string(expectation.remedy));
  }

  // Each of them once, however often it is repeated.
  void refuse_repeated_keys(const YamlNode& node, const std::string& path) {
    std::map<std::string_view, int> counts;
    for (const std::string& key : node.keys) {
      if (++counts[key] == 2) {
        problems_.add(member_path(path, key), "given more than once", "keep one of them");
      }
    }
  }

  Problems& problems_;
};

}  // namespace

void read_settings(const YamlNode& document, Config& config, Problems& problems) {
  if (document.kind == YamlNode::Kind::null) return;  // an empty file
  SettingsReader(problems).read(document, "", config);
}

void read_settings(const YamlNode& document, std::vector<KeyConfig>& keys, Problems& problems) {
  if (document.kind == YamlNode::Kind::null) return;
  SettingsReader(problems).read(document, "keys_file", keys);
}

}  // namespace rocket
