#include "hub/app/units.h"

#include <gmock/gmock.h>

#include "hub/app/suggest.h"

namespace runnel::app {
namespace {

using std::chrono::microseconds;
using testing::HasSubstr;

TEST(Units, SizesAreBinaryOrDecimalAsTheyAreWritten) {
  EXPECT_EQ(*read_size("0B"), 0U);
  EXPECT_EQ(*read_size("123B"), 123U);
  EXPECT_EQ(*read_size("64KiB"), 65536U);
  EXPECT_EQ(*read_size("64MiB"), 67108864U);
  EXPECT_EQ(*read_size("3GiB"), 3221225472U);
  EXPECT_EQ(*read_size("2TiB"), 2199023255552U);
  EXPECT_EQ(*read_size("5KB"), 5000U);
  EXPECT_EQ(*read_size("5MB"), 5000000U);
  EXPECT_EQ(*read_size("1GB"), 1000000000U);
  EXPECT_EQ(*read_size("1TB"), 1000000000000U);
}

TEST(Units, SizesThatAreNotOneNumberAndOneUnitAreRefused) {
  for (const char* bad :
       {"",
        "MiB",
        "64",
        "64 MiB",
        "-1MiB",
        "+1MiB",
        "1.5GiB",
        "64mib",
        "64M",
        "64MiBs",
        "0x10B",
        " 1B",
        "1B ",
        "99999999999999999999B",
        "16777216TiB"}) {
    EXPECT_FALSE(read_size(bad)) << bad;
  }
}

TEST(Units, UnitsFromElsewhereAreRecognised) {
  EXPECT_EQ(read_size("64mib").error().suggestion, "64MiB");
  EXPECT_EQ(read_size("64 MiB").error().suggestion, "64MiB");
  EXPECT_EQ(read_size("64M").error().suggestion, "64MiB");
  EXPECT_EQ(read_size("1g").error().suggestion, "1GiB");
  EXPECT_EQ(read_duration("5min").error().suggestion, "5m");
  EXPECT_EQ(read_duration("5MS").error().suggestion, "5ms");
  EXPECT_EQ(read_duration("30days").error().suggestion, "30d");
  EXPECT_EQ(read_size("64parsec").error().suggestion, "");
}

TEST(Units, DurationsReachFromMicrosecondsToDays) {
  EXPECT_EQ(*read_duration("0ms"), microseconds(0));
  EXPECT_EQ(*read_duration("250us"), microseconds(250));
  EXPECT_EQ(*read_duration("5ms"), microseconds(5000));
  EXPECT_EQ(*read_duration("10s"), microseconds(10'000'000));
  EXPECT_EQ(*read_duration("2m"), std::chrono::minutes(2));
  EXPECT_EQ(*read_duration("12h"), std::chrono::hours(12));
  EXPECT_EQ(*read_duration("30d"), std::chrono::hours(720));
  for (const char* bad : {"", "5", "ms", "5 ms", "1.5s", "-1s", "18446744073709551615us"}) {
    EXPECT_FALSE(read_duration(bad)) << bad;
  }
}

TEST(Units, WhatIsPrintedReadsBackAsTheSameValue) {
  for (const std::uint64_t bytes :
       {0ULL, 1ULL, 1000ULL, 1024ULL, 65536ULL, 67108865ULL, 1ULL << 40}) {
    EXPECT_EQ(*read_size(size_text(bytes)), bytes) << size_text(bytes);
  }
  for (const std::int64_t us : {0LL, 1LL, 1000LL, 1'500'000LL, 60'000'000LL, 86'400'000'000LL}) {
    EXPECT_EQ(*read_duration(duration_text(microseconds(us))), microseconds(us));
  }
  EXPECT_EQ(size_text(67108864), "64MiB");
  EXPECT_EQ(size_text(1000), "1000B");
  EXPECT_EQ(duration_text(microseconds(1'500'000)), "1500ms");
  EXPECT_EQ(duration_text(std::chrono::hours(48)), "2d");
}

TEST(Units, ListenAddressesAreNumericWithAPort) {
  EXPECT_EQ(*read_listen_address("127.0.0.1:1883"), (ListenAddress{"127.0.0.1", 1883}));
  EXPECT_EQ(*read_listen_address("[::1]:1883"), (ListenAddress{"::1", 1883}));
  EXPECT_EQ(*read_listen_address("localhost:0"), (ListenAddress{"127.0.0.1", 0}));
  EXPECT_EQ(*read_listen_address("0.0.0.0:65535"), (ListenAddress{"0.0.0.0", 65535}));
  for (const char* bad :
       {"",
        ":",
        "127.0.0.1",
        "127.0.0.1:",
        ":1883",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:1883 ",
        " 127.0.0.1:1883",
        "127.0.0:1883",
        "::1:1883",
        "[::1]",
        "[127.0.0.1]:1",
        "host.example:1883",
        "*:1883",
        "[localhost]:1",
        "[::1%lo]:1"}) {
    EXPECT_FALSE(read_listen_address(bad)) << bad;
  }
}

TEST(Units, AddressesThatAreAlmostRightAreCorrected) {
  EXPECT_EQ(read_listen_address("1883").error().suggestion, "127.0.0.1:1883");
  EXPECT_EQ(read_listen_address(":1883").error().suggestion, "0.0.0.0:1883");
  EXPECT_EQ(read_listen_address("*:1883").error().suggestion, "0.0.0.0:1883");
  EXPECT_THAT(read_listen_address("127.0.0.1:99999").error().message, HasSubstr("0 to 65535"));
}

TEST(Units, AddressesArePrintedAsTheyAreRead) {
  for (const char* text : {"127.0.0.1:1883", "[::1]:1883", "[fe80::1]:0"}) {
    EXPECT_EQ(address_text(*read_listen_address(text)), text);
  }
}

TEST(Units, OnlyTheMachineItselfIsLoopback) {
  for (const char* inside : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_loopback({inside, 1})) << inside;
  }
  for (const char* outside :
       {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "::ffff:10.0.0.1", "fe80::1"}) {
    EXPECT_FALSE(is_loopback({outside, 1})) << outside;
  }
}

TEST(Units, RoughFiguresAreForPeople) {
  EXPECT_EQ(rough_size(0), "0 B");
  EXPECT_EQ(rough_size(1023), "1023 B");
  EXPECT_EQ(rough_size(1536), "1.5 KiB");
  EXPECT_EQ(rough_size(3ULL << 30), "3.0 GiB");
  EXPECT_EQ(rough_duration(std::chrono::seconds(59)), "59s");
  EXPECT_EQ(rough_duration(std::chrono::seconds(61)), "1m 1s");
  EXPECT_EQ(rough_duration(std::chrono::seconds(7265)), "2h 1m");
  EXPECT_EQ(rough_duration(std::chrono::seconds(180000)), "2d 2h");
}

TEST(Suggest, TheNearestWordWinsAndFarOnesAreNotOffered) {
  constexpr std::array<std::string_view, 3> kWords{"listen", "limit", "level"};
  EXPECT_EQ(nearest("listne", kWords), "listen");
  EXPECT_EQ(nearest("LISTEN", kWords), "listen");
  EXPECT_EQ(nearest("limits", kWords), "limit");
  EXPECT_EQ(nearest("lvel", kWords), "level");
  EXPECT_EQ(nearest("password", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest("x", kWords), "");
}

}  // namespace
}  // namespace runnel::app
