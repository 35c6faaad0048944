#include "config/keys_file.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "config/name.h"
#include "config/yaml_reader.h"
#include "config/yaml_tree.h"
#include "config/yaml_writer.h"

namespace rocket {

namespace {

constexpr std::string_view hash_prefix = "sha256:";

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

class KeyCheck {
 public:
  explicit KeyCheck(Problems& problems) : problems_(problems) {}

  void check(const KeyConfig& key, const std::string& path) {
    check_name(key.name, path);
    check_hash(key.hash, path);
    check_models(key.models, path + ".models");
    check_number(key.rpm, path + ".rpm");
    check_number(key.tpm, path + ".tpm");
    check_number(key.concurrent, path + ".concurrent");
  }

 private:
  void check_name(const std::string& name, const std::string& entry) {
    const std::string path = entry + ".name";
    if (problems_.unread(path)) return;
    if (name.empty()) {
      problems_.add(path, "missing", "give the key a name");
    } else if (name.starts_with(key_prefix)) {
      // Logs would show it.
      problems_.add(path, "begins as keys do: a name is no secret",
                    "take another, and if it was a key, make a new one");
    } else if (!is_name(name)) {
      problems_.add(path, in_quotes(name) + " is not a name", std::string(name_remedy));
    } else if (const auto [first, added] = names_.emplace(name, entry); !added) {
      problems_.add(path, in_quotes(name) + " is already the name of " + first->second,
                    "give each key a name of its own");
    }
  }

  void check_hash(const Sha256& hash, const std::string& entry) {
    const std::string path = entry + ".hash";
    if (problems_.unread(path)) return;
    if (hash == Sha256{}) {
      problems_.add(path, "missing", "let `rocket key new` write the entry");
    } else if (const auto [first, added] = hashes_.emplace(hash, entry); !added) {
      problems_.add(path, "is the same as that of " + first->second, "keep one of the two entries");
    }
  }

  void check_models(const std::vector<std::string>& globs, const std::string& path) {
    for (size_t i = 0; i < globs.size(); ++i) {
      const std::string place = element_path(path, i);
      if (!globs[i].empty() || problems_.unread(place)) continue;
      problems_.add(place, "is empty, which is the name of no model", "name a model, or remove it");
    }
  }

  void check_number(std::optional<std::uint32_t> number, const std::string& path) {
    if (number != 0U) return;
    problems_.add(path, "0 lets nothing through",
                  "remove it for no limit, or remove the key to lock it out");
  }

  Problems& problems_;
  std::map<std::string, std::string> names_;  // to the entry's path
  std::map<Sha256, std::string> hashes_;
};

// An entry in one line, of what is not as it would be anyway.
std::string entry_text(const KeyConfig& key) {
  std::vector<std::string> defaults;
  const KeyConfig plain;
  KeyConfig::fields(plain, [&](std::string_view, const auto& member, std::string_view) {
    defaults.push_back(to_yaml(member));
  });
  std::string text;
  size_t index = 0;
  KeyConfig::fields(key, [&](std::string_view name, const auto& member, std::string_view) {
    const std::string value = to_yaml(member);
    if (value == defaults[index++]) return;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, value);
  });
  return "- {" + text + "}\n";
}

// How far the entries of a block list stand from the line's begin.
size_t entry_indent(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const size_t indent = line.find_first_not_of(' ');
    if (indent != std::string_view::npos && line.substr(indent).starts_with("- ")) return indent;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return 0;
}

}  // namespace

std::optional<Sha256> parse_key_hash(std::string_view text) {
  Sha256 hash{};
  if (text.size() != hash_prefix.size() + 2 * hash.size()) return std::nullopt;
  if (!text.starts_with(hash_prefix)) return std::nullopt;
  text.remove_prefix(hash_prefix.size());
  for (size_t i = 0; i < hash.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    hash[i] = static_cast<std::uint8_t>(*high << 4U | *low);
  }
  return hash;
}

std::string key_hash_text(const Sha256& hash) {
  std::string text(hash_prefix);
  for (const std::uint8_t byte : hash)
    text += fmt::format("{:02x}", byte);
  return text;
}

std::vector<KeyConfig> read_keys(std::string_view text, Problems& problems) {
  std::vector<KeyConfig> keys;
  auto document = parse_yaml(text, keys_file_bytes_max);
  if (!document) {
    for (Problem& problem : document.error()) {
      problems.add("keys_file", std::move(problem.message), std::move(problem.remedy));
    }
    return keys;
  }
  read_settings(*document, keys, problems);
  KeyCheck check(problems);
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string path = element_path("keys_file", i);
    if (!problems.unread(path)) check.check(keys[i], path);
  }
  return keys;
}

std::string with_key(std::string_view text, const KeyConfig& key) {
  Problems ignored;
  std::vector<KeyConfig> wanted = read_keys(text, ignored);
  wanted.push_back(key);

  std::string appended(text);
  if (!appended.empty() && !appended.ends_with('\n')) appended += '\n';
  appended.append(entry_indent(text), ' ').append(entry_text(key));
  Problems problems;
  const bool same = read_keys(appended, problems) == wanted;
  if (same && problems.take().empty()) return appended;

  std::string anew;
  for (const KeyConfig& one : wanted)
    anew += entry_text(one);
  return anew;
}

}  // namespace rocket
