#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

using namespace std::string_view_literals;

TEST(IpAddress, ReadsWhatItWrites) {
  const struct {
    std::string_view text;
    std::string_view expected;  // empty: none
  } cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"::1", "::1"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::ffff:c000:201", "192.0.2.1"},
      {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
      // Of one that some resolver takes for an address, none is.
      {"127.1", ""},
      {"2130706433", ""},
      {"0x7f000001", ""},
      {"0177.0.0.1", ""},
      {"127.0.0.1.", ""},
      {"127.0.0.256", ""},
      {" 127.0.0.1", ""},
      {"fe80::1%eth0", ""},
      {"[::1]", ""},
      {"127.0.0.1\0.example"sv, ""},
      {"example", ""},
      {"", ""},
  };
  for (const auto& c : cases) {
    const auto address = IpAddress::from_text(c.text);
    ASSERT_EQ(address.has_value(), !c.expected.empty()) << c.text;
    EXPECT_EQ(address ? address->to_text() : "", c.expected) << c.text;
  }
}

TEST(IpAddress, IsTheSameInTheClothesOfIpv6) {
  EXPECT_EQ(IpAddress::from_text("::ffff:10.0.0.1"), IpAddress::from_text("10.0.0.1"));
  EXPECT_TRUE(IpAddress::from_text("::ffff:10.0.0.1")->is_v4());
  EXPECT_FALSE(IpAddress::from_text("::10.0.0.1")->is_v4());
  EXPECT_EQ(IpAddress::v4(0x0a000001).as_v4(), 0x0a000001U);
  EXPECT_EQ(IpAddress::v4(0x0a000001).to_text(), "10.0.0.1");
}

}  // namespace
}  // namespace rocket
