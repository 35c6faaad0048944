#include "net/descriptor_limit.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

TEST(DescriptorLimit, ClientsLeaveRoomForUpstreams) {
  // What systems usually give.
  EXPECT_EQ(clients_within(1024, 1), 748U);
  EXPECT_GE(clients_within(16384, 1), 10000U);
  EXPECT_GE(clients_within(65536, 64), 40000U);
  for (size_t descriptors = 0; descriptors < 70'000; descriptors += 7) {
    const size_t clients = clients_within(descriptors, 4);
    EXPECT_GE(clients, 1U);
    if (clients > 1) {
      EXPECT_LE(clients + descriptors / 4, descriptors);
    }
  }
}

}  // namespace
}  // namespace rocket
