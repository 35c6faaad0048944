#include "config/yaml_tree.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace rocket {
namespace {

// The tree in one line: scalars bare or 'quoted', ~ for null.
std::string show(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null: return "~";
    case YamlNode::Kind::scalar: return node.quoted ? "'" + node.text + "'" : node.text;
    case YamlNode::Kind::list:
    case YamlNode::Kind::map: break;
  }
  const bool map = node.kind == YamlNode::Kind::map;
  std::string text;
  for (size_t i = 0; i < node.items.size(); ++i) {
    text += (i > 0 ? " " : "") + (map ? node.keys[i] + ":" : "") + show(node.items[i]);
  }
  return (map ? "{" : "[") + text + (map ? "}" : "]");
}

TEST(YamlTree, KeepsWhatIsWritten) {
  struct Case {
    std::string_view text;
    std::string_view expected;
  };
  const Case cases[] = {
      {"", "~"},
      {"# nothing\n", "~"},
      {"---\n...\n", "~"},
      {"a: 1\nb: '1'\nc: \"x\"\nd: null\ne:\nf: 'null'\n", "{a:1 b:'1' c:'x' d:~ e:~ f:'null'}"},
      {"a: [1, {b: c}]\n", "{a:[1 {b:c}]}"},
      {"- - a\n  - b\n- c\n", "[[a b] c]"},
      {R"({"a": ["b", 1.5, true, null], "c": {}})", "{a:['b' 1.5 true ~] c:{}}"},
      {"a: 1\na: 2\n", "{a:1 a:2}"},
      {"a: &x 1\n", "{a:1}"},
      {"\xef\xbb\xbf"
       "a: 1\n",
       "{a:1}"},
      {"a: |\n  b\n  c\n", "{a:'b\nc'}"},
      {"models: {llama3:8b: x}\n", "{models:{llama3:8b:x}}"},
  };
  for (const Case& c : cases) {
    const auto tree = parse_yaml(c.text);
    ASSERT_TRUE(tree) << c.text << ": " << format_problem(tree.error()[0]);
    EXPECT_EQ(show(*tree), c.expected);
  }
}

TEST(YamlTree, RefusesTheRest) {
  struct Case {
    std::string_view text;
    std::string_view problem;
  };
  const Case cases[] = {
      {"a: [1, 2\nb: 3\n",
       "line 2, column 2: not YAML: end of sequence flow not found; mend it there"},
      {"a: b: c\n", "line 1, column 5: not YAML: illegal map value; mend it there"},
      {"a: 'b\n", "line 1, column 6: not YAML: illegal EOF in scalar; mend it there"},
      {"a: \"b\nc: d\n \n", "line 2, column 5: not YAML: illegal EOF in scalar; mend it there"},
      {"a: \"\\q\"\n", "line 1, column 7: not YAML: unknown escape character; mend it there"},
      {"a: *secret\n",
       "line 1, column 4: not YAML: the referenced anchor is not defined; mend it there"},
      {"a: &x [1]\nb: *x\n", "line 2, column 4: an alias; write out what it stands for"},
      {"a: !!str 1\n", "line 1, column 4: a tag; remove it"},
      {"a: !x [1]\n", "line 1, column 4: a tag; remove it"},
      {"[a]: 1\n", "line 1, column 1: a key that is not text; name the key"},
      {"~: 1\n", "line 1, column 1: a key that is not text; name the key"},
      {"a: 1\n---\na: 2\n", "line 2, column 1: a second document; keep one"},
      {",a: 1\n", "line 1, column 1: a second document; keep one"},
      {"a: 1\x04\nb: 2\n", "line 1: a control character; remove it"},
      {"a: 1\n\nb: \x1b\n", "line 3: a control character; remove it"},
      {std::string_view("a: \0", 4), "line 1: a control character; remove it"},
      {"a: \xff\n", "is not UTF-8; save it as UTF-8"},
  };
  for (const Case& c : cases) {
    const auto tree = parse_yaml(c.text);
    ASSERT_FALSE(tree) << c.text;
    EXPECT_EQ(format_problem(tree.error()[0]), c.problem) << c.text;
  }
}

TEST(YamlTree, HasBounds) {
  EXPECT_FALSE(parse_yaml(std::string(1024 * 1024 + 1, ' ')));
  std::string nested;
  for (int i = 0; i < 5'000; ++i)
    nested += "- ";
  for (const std::string& text : {std::string(10'000, '['), std::string(10'000, '{'), nested}) {
    const auto tree = parse_yaml(text);
    ASSERT_FALSE(tree);
    EXPECT_TRUE(tree.error()[0].message.ends_with("nested too deep")) << tree.error()[0].message;
  }
}

TEST(YamlTree, FindsTheFirstOfAKey) {
  const auto tree = parse_yaml("a: 1\nb: 2\na: 3\n");
  ASSERT_TRUE(tree);
  ASSERT_NE(tree->find("a"), nullptr);
  EXPECT_EQ(tree->find("a")->text, "1");
  EXPECT_EQ(tree->find("c"), nullptr);
}

}  // namespace
}  // namespace rocket
