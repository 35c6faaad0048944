#include "proxy/media_url.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "config/url.h"

namespace rocket {
namespace {

using namespace std::string_view_literals;

std::string told(const Result<MediaLocation>& location) {
  if (!location) return "refused";
  return (location->tls ? "tls " : "") + location->host + ' ' + std::to_string(location->port) +
         ' ' + location->authority + ' ' + location->target;
}

TEST(MediaUrl, ReadsWhatIsPlainAndRefusesTheRest) {
  const struct {
    std::string_view url;
    std::string_view expected;
  } cases[] = {
      {"http://a.example/b.png", "a.example 80 a.example /b.png"},
      {"https://a.example/b.png?x=1&y=%20", "tls a.example 443 a.example /b.png?x=1&y=%20"},
      {"HtTpS://A.Example/B", "tls a.example 443 a.example /B"},
      {"http://a.example", "a.example 80 a.example /"},
      {"http://a.example?q", "a.example 80 a.example /?q"},
      {"http://a.example/b#part", "a.example 80 a.example /b"},
      {"http://a.example#part", "a.example 80 a.example /"},
      {"http://a.example:8080/b", "a.example 8080 a.example:8080 /b"},
      {"https://a.example:443/b", "tls a.example 443 a.example /b"},
      {"http://xn--bcher-kva.example/b", "xn--bcher-kva.example 80 xn--bcher-kva.example /b"},
      {"http://1.2.3.4/b", "1.2.3.4 80 1.2.3.4 /b"},
      {"http://[2001:DB8::1]:8080/b", "2001:db8::1 8080 [2001:db8::1]:8080 /b"},
      // Refused by its address later on.
      {"http://[::ffff:127.0.0.1]/", "127.0.0.1 80 127.0.0.1 /"},
      {"http://localhost/", "localhost 80 localhost /"},
      // Of addresses only the one spelling.
      {"http://127.1/", "refused"},
      {"http://127.0.1/", "refused"},
      {"http://2130706433/", "refused"},
      {"http://0x7f000001/", "refused"},
      {"http://0x7f.0.0.1/", "refused"},
      {"http://0177.0.0.1/", "refused"},
      {"http://127.0.0.1./", "refused"},
      {"http://a.example./", "refused"},
      {"http://[fe80::1%25eth0]/", "refused"},
      {"http://[fe80::1%eth0]/", "refused"},
      {"http://[::1/", "refused"},
      {"http://::1/", "refused"},
      {"http://b\xc3\xbc"
       "cher.example/",
       "refused"},
      {"http://\xe2\x91\xa0.example/", "refused"},
      {"http://a%2eexample/", "refused"},
      // Who else might read another host.
      {"http://user@a.example/", "refused"},
      {"http://user:secret@a.example/", "refused"},
      {"http://a.example@b.example/", "refused"},
      {"http://a.example\\@b.example/", "refused"},
      {"http://a.example/\\b", "refused"},
      {"http:\\\\a.example/", "refused"},
      {"http:a.example/", "refused"},
      {"http:/a.example/", "refused"},
      {"http:///a.example/", "refused"},
      {"//a.example/", "refused"},
      {" http://a.example/", "refused"},
      {"http://a.example/b c", "refused"},
      {"http://a.example/b\r\nx: y", "refused"},
      {"http://a.example/\0"sv, "refused"},
      {"http://a.example/\xc3\xa4", "refused"},
      // Other schemes and ports.
      {"file:///etc/passwd", "refused"},
      {"ftp://a.example/", "refused"},
      {"gopher://a.example/", "refused"},
      {"javascript:alert(1)", "refused"},
      {"http://a.example:22/", "refused"},
      {"http://a.example:0/", "refused"},
      {"http://a.example:65536/", "refused"},
      {"http://a.example:080/", "refused"},
      {"http://a.example:/", "refused"},
      {"http://", "refused"},
      {"", "refused"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(told(parse_media_url(c.url)), c.expected) << c.url;
}

TEST(MediaUrl, TellsNoSecrets) {
  for (const std::string_view url : {"http://user:secret@a.example/", "http://a.example:99/secret",
                                     "http://a.example/?key=secret a", "ftp://secret/"}) {
    const auto location = parse_media_url(url);
    ASSERT_FALSE(location) << url;
    EXPECT_EQ(location.error().code, ErrorCode::media_url_refused);
    EXPECT_FALSE(location.error().detail.contains("secret")) << location.error().detail;
  }
}

TEST(MediaUrl, FollowsRedirects) {
  const struct {
    std::string_view from;
    std::string_view location;
    std::string_view expected;
  } cases[] = {
      {"http://a.example/x/y?q", "http://b.example/z", "b.example 80 b.example /z"},
      {"http://a.example/x/y?q", "https://a.example/z", "tls a.example 443 a.example /z"},
      {"https://a.example/x", "//b.example/z", "tls b.example 443 b.example /z"},
      {"http://a.example:8080/x/y?q", "/z?r", "a.example 8080 a.example:8080 /z?r"},
      {"http://a.example/x/y?q", "z", "a.example 80 a.example /x/z"},
      {"http://a.example/x/y?q", "../z?r=../", "a.example 80 a.example /z?r=../"},
      {"http://a.example/x/y", "../../../z/./w/..", "a.example 80 a.example /z/"},
      {"http://a.example/x/y?q", "?r", "a.example 80 a.example /x/y?r"},
      {"http://a.example/x/y?q", "#part", "a.example 80 a.example /x/y?q"},
      {"http://a.example/x/y?q", "", "a.example 80 a.example /x/y?q"},
      {"http://a.example/", "z:80", "refused"},
      {"http://a.example/", "file:///etc/passwd", "refused"},
      {"http://a.example/", "//user@b.example/", "refused"},
      {"http://a.example/", "http://b.example:25/", "refused"},
      {"http://a.example/", "/z z", "refused"},
      {"https://a.example/", "http://a.example/", "refused"},
      {"https://a.example/", "http://b.example/", "refused"},
  };
  for (const auto& c : cases) {
    const auto from = parse_media_url(c.from);
    ASSERT_TRUE(from) << c.from;
    EXPECT_EQ(told(follow_redirect(*from, c.location)), c.expected) << c.from << c.location;
  }
}

// Whatever comes, what is dialled is a host as endpoints have it, and what is sent stays in its
// line.
TEST(MediaUrl, GivesNothingThatCanBeReadTwoWays) {
  Random random(20261129);
  constexpr std::string_view pieces[] = {
      "http://", "https://", "a.example", "127.0.0.1", "[::1]",   "@",    ":",    "/",  "\\",
      "?",       "#",        "%00",       "\r\n",      " ",       "..",   "0x7f", "80", "//",
      "user",    "[",        "]",         "\xc3\xa4",  "HTTP://", "8080", "."};
  size_t read = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string url = random.uniform(4) == 0 ? "" : "http://a.example";
    for (std::uint64_t n = random.uniform(6); n != 0; --n)
      url += pieces[random.uniform(std::size(pieces))];
    const auto location = parse_media_url(url);
    if (!location) continue;
    ++read;
    EXPECT_FALSE(location->host.empty()) << url;
    EXPECT_TRUE(parse_endpoint_url("http://" + location->authority).has_value()) << url;
    EXPECT_TRUE(location->target.starts_with('/')) << url;
    for (const char c : location->target)
      EXPECT_TRUE(c > ' ' && c < '\x7f' && c != '\\' && c != '#') << url;
    // The same again: it means one thing.
    const std::string again =
        (location->tls ? "https://" : "http://") + location->authority + location->target;
    const auto twice = parse_media_url(again);
    ASSERT_TRUE(twice) << url;
    EXPECT_EQ(*twice, *location) << url;
  }
  EXPECT_GT(read, 1000U);
}

}  // namespace
}  // namespace rocket
