#include "config/url.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace rocket {
namespace {

TEST(EndpointUrl, IsNormalised) {
  struct Case {
    std::string_view text;
    EndpointUrl expected;
  };
  const Case cases[] = {
      {"http://127.0.0.1:11434", {false, "127.0.0.1", 11434, ""}},
      {"https://127.0.0.1:8443/base", {true, "127.0.0.1", 8443, "/base"}},
      {"http://models.example", {false, "models.example", 80, ""}},
      {"https://models.example", {true, "models.example", 443, ""}},
      {"HTTPS://Models.Example/Base", {true, "models.example", 443, "/Base"}},
      {"http://h/", {false, "h", 80, ""}},
      {"http://h///", {false, "h", 80, ""}},
      {"http://h/v1", {false, "h", 80, ""}},
      {"http://h/v1/", {false, "h", 80, ""}},
      {"http://h/v1/v1//", {false, "h", 80, ""}},
      {"http://h/api/v1", {false, "h", 80, "/api"}},
      {"http://h/v1/openai", {false, "h", 80, "/v1/openai"}},
      {"http://h/v10", {false, "h", 80, "/v10"}},
      {"http://h/a-b_c.d~e/@f", {false, "h", 80, "/a-b_c.d~e/@f"}},
      {"http://rocket_vllm-1:8000", {false, "rocket_vllm-1", 8000, ""}},
      {"http://4090box:8000", {false, "4090box", 8000, ""}},
      {"http://[::1]:8000", {false, "::1", 8000, ""}},
      {"http://[0:0:0:0:0:0:0:1]", {false, "::1", 80, ""}},
      {"http://[2001:DB8::A]/x", {false, "2001:db8::a", 80, "/x"}},
      {"http://[::ffff:127.0.0.1]:8000", {false, "127.0.0.1", 8000, ""}},
      {"http://h:65535", {false, "h", 65535, ""}},
  };
  for (const Case& c : cases) {
    const Result<EndpointUrl> url = parse_endpoint_url(c.text);
    ASSERT_TRUE(url) << c.text << ": " << url.error().detail;
    EXPECT_EQ(*url, c.expected) << c.text << " became " << url->to_string();
    EXPECT_EQ(parse_endpoint_url(url->to_string()), *url) << url->to_string();
  }
}

TEST(EndpointUrl, IsStrict) {
  struct Case {
    std::string_view text;
    std::string_view detail;
  };
  const Case cases[] = {
      {"", "begins with neither http:// nor https://"},
      {"127.0.0.1:8000", "begins with neither http:// nor https://"},
      {"ftp://h", "begins with neither http:// nor https://"},
      {"http:/h", "begins with neither http:// nor https://"},
      {"//h", "begins with neither http:// nor https://"},
      {"http://", "has no host"},
      {"http:///v1", "has no host"},
      {"http://:80", "has no host"},
      {"http://user:password@h", "holds a user name or password"},
      {"http://user@h", "holds a user name or password"},
      {"http://h?q", "has a query"},
      {"http://h/a?b=c", "has a query"},
      {"http://h#f", "has a fragment"},
      {"http://h\\@evil", "has a backslash"},
      {"http://h/%2e%2e", "has a percent sign"},
      {"http://h%2eevil", "has a percent sign"},
      {"http://h h", "holds a space or another character that does not belong in a URL"},
      {" http://h", "holds a space or another character that does not belong in a URL"},
      {"http://h\n", "holds a space or another character that does not belong in a URL"},
      {"http://h\xc3\xbc", "holds a space or another character that does not belong in a URL"},
      {"http://h:", "has a port that is not a number up to 65535"},
      {"http://h:0", "has port 0"},
      {"http://h:65536", "has a port that is not a number up to 65535"},
      {"http://h:99999999999", "has a port that is not a number up to 65535"},
      {"http://h:080", "has a port that is not a number up to 65535"},
      {"http://h:+80", "has a port that is not a number up to 65535"},
      {"http://h:8a", "has a port that is not a number up to 65535"},
      {"http://h:80:80",
       "has more than one colon after its host; an IPv6 address needs [brackets]"},
      {"http://::1", "has more than one colon after its host; an IPv6 address needs [brackets]"},
      {"http://[::1", "has an IPv6 address without its closing bracket"},
      {"http://[]", "has no IPv6 address between its brackets"},
      {"http://[127.0.0.1]", "has no IPv6 address between its brackets"},
      {"http://[fe80::1%eth0]", "has a percent sign"},
      {"http://[::1]80", "has more than a port after its IPv6 address"},
      {"http://[::1]:", "has a port that is not a number up to 65535"},
      {"http://127.1", "has a host that is neither a name nor an IPv4 address of four numbers"},
      {"http://2130706433",
       "has a host that is neither a name nor an IPv4 address of four numbers"},
      {"http://0x7f000001",
       "has a host that is neither a name nor an IPv4 address of four numbers"},
      {"http://0x7f.0.0.0x1",
       "has a host that is neither a name nor an IPv4 address of four numbers"},
      {"http://a.0x", "has a host that is neither a name nor an IPv4 address of four numbers"},
      {"http://127.0.0.01",
       "has a host that is neither a name nor an IPv4 address of four numbers"},
      {"http://256.0.0.1", "has a host that is neither a name nor an IPv4 address of four numbers"},
      {"http://h.", "has a host that is not a DNS name"},
      {"http://.h", "has a host that is not a DNS name"},
      {"http://a..b", "has a host that is not a DNS name"},
      {"http://-h", "has a host that is not a DNS name"},
      {"http://h-", "has a host that is not a DNS name"},
      {"http://h!", "has a host that is not a DNS name"},
      {"http://h//a", "has two slashes in a row in its path"},
      {"http://h/a//b", "has two slashes in a row in its path"},
      {"http://h/../a", "has a path with a segment of dots"},
      {"http://h/a/.", "has a path with a segment of dots"},
      {"http://h/\"", "has a character in its path that does not belong there"},
      {"http://h/<a>", "has a character in its path that does not belong there"},
  };
  for (const Case& c : cases) {
    const Result<EndpointUrl> url = parse_endpoint_url(c.text);
    ASSERT_FALSE(url) << c.text;
    EXPECT_EQ(url.error().detail, c.detail) << c.text;
  }
}

TEST(EndpointUrl, HasBounds) {
  const std::string label(63, 'a');
  const std::string name = label + '.' + label + '.' + label + '.' + std::string(61, 'a');
  EXPECT_TRUE(parse_endpoint_url("http://" + name));
  EXPECT_FALSE(parse_endpoint_url("http://" + name + 'a'));
  EXPECT_FALSE(parse_endpoint_url("http://" + label + 'a'));
  EXPECT_TRUE(parse_endpoint_url("http://h/" + std::string(2048 - 9, 'a')));
  EXPECT_FALSE(parse_endpoint_url("http://h/" + std::string(2048 - 8, 'a')));
}

TEST(ListenAddress, IsNormalised) {
  struct Case {
    std::string_view text;
    ListenAddress expected;
    bool loopback;
  };
  const Case cases[] = {
      {"127.0.0.1:8000", {"127.0.0.1", 8000, ""}, true},
      {"127.9.9.9:8000", {"127.9.9.9", 8000, ""}, true},
      {"localhost:8000", {"127.0.0.1", 8000, ""}, true},
      {"LocalHost:8000", {"127.0.0.1", 8000, ""}, true},
      {"127.0.0.1:0", {"127.0.0.1", 0, ""}, true},
      {"[::1]:8000", {"::1", 8000, ""}, true},
      {"[::ffff:127.0.0.1]:8000", {"127.0.0.1", 8000, ""}, true},
      {"unix:/run/rocket.sock", {"", 0, "/run/rocket.sock"}, true},
      {"0.0.0.0:8000", {"0.0.0.0", 8000, ""}, false},
      {"[::]:8000", {"::", 8000, ""}, false},
      {"10.0.0.1:8000", {"10.0.0.1", 8000, ""}, false},
  };
  for (const Case& c : cases) {
    const Result<ListenAddress> address = parse_listen_address(c.text);
    ASSERT_TRUE(address) << c.text << ": " << address.error().detail;
    EXPECT_EQ(*address, c.expected) << c.text;
    EXPECT_EQ(address->loopback(), c.loopback) << c.text;
    EXPECT_EQ(parse_listen_address(address->to_string()), *address) << c.text;
  }
}

TEST(ListenAddress, IsStrict) {
  struct Case {
    std::string_view text;
    std::string_view detail;
  };
  const std::string long_path = "unix:" + std::string(108, 'p');
  const Case cases[] = {
      {"", "has no host"},
      {"8000", "has a host that is neither a name nor an IPv4 address of four numbers"},
      {":8000", "has no host"},
      {"*:8000", "has a host that is not a DNS name"},
      {"127.0.0.1", "has no port"},
      {"[::1]", "has no port"},
      {"rocket.example:8000", "has a name where an IP address is needed"},
      {"host1:8000", "has a name where an IP address is needed"},
      {"127.0.0.1:99999", "has a port that is not a number up to 65535"},
      {"http://127.0.0.1:8000",
       "has more than one colon after its host; an IPv6 address needs [brackets]"},
      {"unix:", "has no path after unix:"},
      {long_path, "has a path longer than 107 bytes"},
      {std::string_view("unix:a\0b", 8), "has a control character in its path"},
      {"unix:a\nb", "has a control character in its path"},
  };
  for (const Case& c : cases) {
    const Result<ListenAddress> address = parse_listen_address(c.text);
    ASSERT_FALSE(address) << c.text;
    EXPECT_EQ(address.error().detail, c.detail) << c.text;
  }
  EXPECT_TRUE(parse_listen_address("unix:" + std::string(107, 'p')));
}

TEST(LoopbackHost, IsThisMachineOnly) {
  for (const std::string_view host : {"127.0.0.1", "127.255.255.254", "::1", "localhost"}) {
    EXPECT_TRUE(loopback_host(host)) << host;
  }
  for (const std::string_view host : {"0.0.0.0", "::", "128.0.0.1", "127.example",
                                      "127.0.0.1.example", "localhost.example", ""}) {
    EXPECT_FALSE(loopback_host(host)) << host;
  }
}

}  // namespace
}  // namespace rocket
