#include "config/yaml_tree.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/assert.h"

namespace rocket {

namespace {

constexpr size_t mebibyte = size_t{1024} * 1024;

// Builds the tree from yaml-cpp's events. Its own nodes would hide what is refused here: aliases
// (a short text can stand for an endless document), duplicate keys and tags.
class TreeBuilder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 2) refuse(mark, "a second document", "keep one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { place({}, mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "an alias", "write out what it stands for");
    place({}, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    refuse_tag(mark, tag);
    YamlNode node{.kind = YamlNode::Kind::scalar,
                  .quoted = tag == "!",
                  .text = value,
                  .keys = {},
                  .items = {}};
    place(std::move(node), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, mark, tag);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, tag);
  }
  void OnMapEnd() override { close(); }

  void refuse(const YAML::Mark& mark, std::string_view what, std::string remedy) {
    // yaml-cpp counts from 0 and has -1 for "nowhere".
    problems_.push_back({"",
                         fmt::format("line {}, column {}: {}", std::max(mark.line, 0) + 1,
                                     std::max(mark.column, 0) + 1, what),
                         std::move(remedy)});
  }

  [[nodiscard]] std::expected<YamlNode, std::vector<Problem>> take() {
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    return std::move(root_);
  }

 private:
  struct OpenNode {
    YamlNode node;
    YAML::Mark mark;
  };

  // yaml-cpp gives plain scalars "?", quoted ones "!", lists and maps "?" or nothing.
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    refuse(mark, "a tag", "remove it");
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    refuse_tag(mark, tag);
    open_.push_back(
        {YamlNode{.kind = kind, .quoted = false, .text = {}, .keys = {}, .items = {}}, mark});
  }

  void close() {
    ROCKET_ASSERT(!open_.empty());
    OpenNode closed = std::move(open_.back());
    open_.pop_back();
    place(std::move(closed.node), closed.mark);
  }

  void place(YamlNode node, const YAML::Mark& mark) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back().node;
    const bool is_key =
        parent.kind == YamlNode::Kind::map && parent.keys.size() == parent.items.size();
    if (!is_key) {
      parent.items.push_back(std::move(node));
      return;
    }
    if (node.kind != YamlNode::Kind::scalar) refuse(mark, "a key that is not text", "name the key");
    parent.keys.push_back(std::move(node.text));
  }

  int documents_ = 0;
  YamlNode root_;
  std::vector<OpenNode> open_;
  std::vector<Problem> problems_;
};

// yaml-cpp takes some bytes for its own signals: \x04 would quietly end the file.
const char* find_control(std::string_view text) {
  return std::ranges::find_if(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') ||
           c == '\x7f';
  });
}

std::unexpected<std::vector<Problem>> refuse_text(std::string message, std::string remedy) {
  return std::unexpected(std::vector{Problem{"", std::move(message), std::move(remedy)}});
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found = std::ranges::find(keys, key);
  return found == keys.end() ? nullptr : &items[static_cast<size_t>(found - keys.begin())];
}

std::expected<YamlNode, std::vector<Problem>> parse_yaml(std::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    return refuse_text(fmt::format("is larger than {} MiB", bytes_max / mebibyte), "shorten it");
  }
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return refuse_text("is not UTF-8", "save it as UTF-8");
  }
  if (const char* control = find_control(text); control != text.end()) {
    return refuse_text(
        fmt::format("line {}: a control character", 1 + std::count(text.begin(), control, '\n')),
        "remove it");
  }
  TreeBuilder builder;
  try {
    // yaml-cpp misses that a quote is never closed if a line break is the last it sees.
    std::istringstream stream(std::string(text.substr(0, text.find_last_not_of("\r\n\t ") + 1)));
    YAML::Parser parser(stream);
    // The second is an error already; beyond it yaml-cpp may find documents without end in a
    // misplaced comma.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
  } catch (const YAML::DeepRecursion& exception) {
    builder.refuse(exception.mark, "nested too deep", "keep to the settings that there are");
  } catch (const YAML::Exception& exception) {
    // Behind its colon a message may quote the file.
    const std::string reason = exception.msg.substr(0, exception.msg.find(": "));
    builder.refuse(exception.mark, "not YAML: " + reason, "mend it there");
  }
  return builder.take();
}

}  // namespace rocket
