#include "policy/address_guard.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace rocket {
namespace {

IpAddress address(std::string_view text) {
  const auto read = IpAddress::from_text(text);
  EXPECT_TRUE(read.has_value()) << text;
  return read.value_or(IpAddress{});
}

TEST(AddressGuard, KnowsWhatIsNotOfTheInternet) {
  const struct {
    std::string_view name;  // empty: public
    std::vector<std::string_view> addresses;
  } cases[] = {
      {"",
       {"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
        "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
        "223.255.255.255", "168.63.129.15", "168.63.129.17"}},
      {"this network", {"0.0.0.0", "0.255.255.255"}},
      {"private",
       {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0",
        "192.168.255.255"}},
      {"carrier-grade NAT", {"100.64.0.0", "100.127.255.255", "100.100.100.200"}},
      {"loopback", {"127.0.0.0", "127.0.0.1", "127.255.255.255", "::1"}},
      {"Azure's platform", {"168.63.129.16"}},
      {"link-local",
       {"169.254.0.0", "169.254.169.254", "169.254.255.255", "fe80::1", "febf:ffff::1"}},
      {"protocol assignments",
       {"192.0.0.0", "192.0.0.192", "192.0.0.255", "2001::1", "2001:0:53aa:64c:0:7fb4:3f57:fe00",
        "2001:10::", "2001:1ff::"}},
      {"documentation",
       {"192.0.2.1", "198.51.100.255", "203.0.113.0", "2001:db8::1", "3fff::1", "3fff:fff:ffff::"}},
      {"6to4 relays", {"192.88.99.1"}},
      {"AS112", {"192.31.196.1", "192.175.48.1", "2620:4f:8000::1"}},
      {"AMT", {"192.52.193.1"}},
      {"benchmarks", {"198.18.0.0", "198.19.255.255"}},
      {"multicast", {"224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"}},
      {"broadcast", {"255.255.255.255"}},
      {"reserved",
       {"240.0.0.0", "255.255.255.254", "::2", "::127.0.0.1", "::8.8.8.8", "4000::1", "1000::1",
        "fe00::1", "fbff::1"}},
      {"unspecified", {"::"}},
      {"local NAT64", {"64:ff9b:1::1"}},
      {"discard", {"100::", "100::ffff"}},
      {"dummy", {"100:0:0:1::1"}},
      {"6bone", {"3ffe::1"}},
      {"segment routing", {"5f00::1"}},
      {"unique local", {"fc00::1", "fd00:ec2::254", "fdff:ffff::"}},
      {"site-local", {"fec0::1", "feff::1"}},
      {"",
       {"2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450::1",
        "2001:200::", "2001:db7::", "2001:db9::"}},
      // What only carries an address of IPv4 is as that is.
      {"loopback",
       {"::ffff:127.0.0.1", "::ffff:7f00:1", "64:ff9b::127.0.0.1",
        "2002:7f00:1::", "2a00::5efe:7f00:1", "2a00::200:5efe:7f00:1"}},
      {"link-local", {"::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"}},
      {"private", {"64:ff9b::10.0.0.1", "2002:a00:1::", "2002:c0a8:101::1"}},
      {"", {"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"}},
  };
  for (const auto& c : cases) {
    for (const std::string_view text : c.addresses)
      EXPECT_EQ(special_purpose(address(text)), c.name) << text;
  }
}

// In whatever clothes an address comes, the answer is that for the address itself.
TEST(AddressGuard, IsNotDeceivedByClothes) {
  Random random(20260126);
  for (int i = 0; i < 20'000; ++i) {
    const auto plain = static_cast<std::uint32_t>(random.next());
    const IpAddress v4 = IpAddress::v4(plain);
    const std::string_view expected = special_purpose(v4);
    const std::string text = v4.to_text();
    EXPECT_EQ(special_purpose(address("::ffff:" + text)), expected) << text;
    EXPECT_EQ(special_purpose(address("64:ff9b::" + text)), expected) << text;
    IpAddress six_to_four;
    six_to_four.bytes[0] = 0x20;
    six_to_four.bytes[1] = 0x02;
    std::copy(v4.bytes.begin() + 12, v4.bytes.end(), six_to_four.bytes.begin() + 2);
    EXPECT_EQ(special_purpose(six_to_four), expected) << text;
  }
}

TEST(AddressGuard, ReadsRanges) {
  const struct {
    std::string_view text;
    std::string_view inside;  // empty: it is no range
    std::string_view outside;
  } cases[] = {
      {"10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
      {"10.1.2.3", "10.1.2.3", "10.1.2.4"},
      {"10.1.2.2/31", "10.1.2.3", "10.1.2.4"},
      {"0.0.0.0/0", "1.2.3.4", "::1"},
      {"::1", "::1", "::2"},
      {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
      {"::ffff:10.0.0.0/104", "10.1.1.1", "11.0.0.0"},
      {"10.0.0.1/8", "", ""},
      {"10.0.0.0/33", "", ""},
      {"10.0.0.0/08", "", ""},
      {"10.0.0.0/", "", ""},
      {"10.0.0.0/8/8", "", ""},
      {"10.0.0.0/-1", "", ""},
      {"::/129", "", ""},
      {"10/8", "", ""},
      {"images.internal", "", ""},
      {"", "", ""},
  };
  for (const auto& c : cases) {
    const auto range = address_range(c.text);
    ASSERT_EQ(range.has_value(), !c.inside.empty()) << c.text;
    if (!range) continue;
    EXPECT_TRUE(range->contains(address(c.inside))) << c.text;
    EXPECT_FALSE(range->contains(address(c.outside))) << c.text;
  }
}

TEST(AddressGuard, LetsWhatIsPublicOrAllowed) {
  const AddressGuard strict;
  const AddressGuard open({"10.1.0.0/16", "127.0.0.1", "images.internal", "fd00::/8"});
  const struct {
    std::string_view host;
    std::string_view address;
    bool strict;
    bool open;
  } cases[] = {
      {"example.com", "93.184.215.14", true, true},
      {"example.com", "10.1.2.3", false, true},
      {"example.com", "10.2.0.0", false, false},
      {"example.com", "127.0.0.1", false, true},
      {"127.0.0.1", "127.0.0.1", false, true},
      {"127.0.0.2", "127.0.0.2", false, false},
      {"images.internal", "192.168.1.1", false, true},
      {"other.internal", "192.168.1.1", false, false},
      {"example.com", "fd12::1", false, true},
      {"example.com", "fc12::1", false, false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(strict.lets(c.host, address(c.address)), c.strict) << c.host << c.address;
    EXPECT_EQ(open.lets(c.host, address(c.address)), c.open) << c.host << c.address;
  }
}

TEST(AddressGuard, TellsLocalHostsByTheirNames) {
  for (const std::string_view local :
       {"localhost", "vllm", "127.0.0.1", "::1", "192.168.1.20", "fd00::1", "gpu.local",
        "vllm.rocket.svc", "x.svc.cluster.local", "box.lan", "llm.internal", "host.docker.internal",
        "a.home.arpa", "10.0.0.1", "100.64.1.1"}) {
    EXPECT_TRUE(is_local_host(local)) << local;
  }
  for (const std::string_view cloud : {"api.openai.com", "openrouter.ai", "8.8.8.8", "2606:4700::1",
                                       "local.example", "internal.example.com"}) {
    EXPECT_FALSE(is_local_host(cloud)) << cloud;
  }
}

TEST(AddressGuard, KnowsThePortsOfFiles) {
  for (const int port : {80, 443, 1024, 8080, 65535})
    EXPECT_TRUE(is_media_port(static_cast<std::uint16_t>(port))) << port;
  for (const int port : {0, 1, 22, 25, 79, 81, 1023})
    EXPECT_FALSE(is_media_port(static_cast<std::uint16_t>(port))) << port;
}

}  // namespace
}  // namespace rocket
