#include "hub/app/from.h"

#include <gmock/gmock.h>

namespace runnel::app {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000;

TEST(ReadTime, TakesDatesAndTimesInUtcUnlessTheySayOtherwise) {
  EXPECT_EQ(read_time("1970-01-01", kNow), 0);
  EXPECT_EQ(read_time("2024-05-01", kNow), 1'714'521'600'000);
  EXPECT_EQ(read_time("2024-05-01T12:00", kNow), 1'714'564'800'000);
  EXPECT_EQ(read_time("2024-05-01 12:00:00", kNow), 1'714'564'800'000);
  EXPECT_EQ(read_time("2024-05-01T12:00:00.250Z", kNow), 1'714'564'800'250);
  EXPECT_EQ(read_time("2024-05-01T12:00:00.2509Z", kNow), 1'714'564'800'250);
  EXPECT_EQ(read_time("2024-05-01T14:00:00.25+02:00", kNow), 1'714'564'800'250);
  EXPECT_EQ(read_time("2024-05-01T06:30:00-0530", kNow), 1'714'564'800'000);
  EXPECT_EQ(read_time("2024-02-29T00:00:00z", kNow), 1'709'164'800'000);
}

TEST(ReadTime, TakesMillisecondsAndHowLongAgo) {
  EXPECT_EQ(read_time("@1714564800250", kNow), 1'714'564'800'250);
  EXPECT_EQ(read_time("-90s", kNow), kNow - 90'000);
  EXPECT_EQ(read_time("-2h", kNow), kNow - 7'200'000);
  EXPECT_EQ(read_time("-1d", kNow), kNow - 86'400'000);
}

TEST(ReadTime, RefusesWhatIsNoTime) {
  for (const char* bad :
       {"",
        "@",
        "@-1",
        "@1x",
        "yesterday",
        "2024",
        "2024-5-1",
        "2024-13-01",
        "2023-02-29",
        "1969-12-31",
        "2024-05-01T",
        "2024-05-01T12",
        "2024-05-01T24:00",
        "2024-05-01T12:60",
        "2024-05-01T12:00:60",
        "2024-05-01T12:00:00.",
        "2024-05-01T12:00+",
        "2024-05-01T12:00+15:00",
        "2024-05-01T12:00Zx",
        "-",
        "-2",
        "-2y",
        "2h"}) {
    EXPECT_FALSE(read_time(bad, kNow)) << bad;
  }
}

TEST(ReadFrom, TellsANumberFromATime) {
  EXPECT_EQ(read_from("2024"), (From{From::Kind::offset, 2024}));
  EXPECT_EQ(read_from("-2"), (From{From::Kind::last, 2}));
  EXPECT_EQ(read_from("@2024"), (From{From::Kind::time, 2024}));
  EXPECT_EQ(read_from("2024-05-01"), (From{From::Kind::time, 1'714'521'600'000}));
  const auto ago = read_from("-2h");
  ASSERT_TRUE(ago);
  EXPECT_EQ(ago->kind, From::Kind::time);
  EXPECT_NEAR(
      static_cast<double>(ago->number), static_cast<double>(wall_clock_ms() - 7'200'000), 60'000
  );
}

}  // namespace
}  // namespace runnel::app
