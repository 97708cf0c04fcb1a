#include "storage/base/clock.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace runnel {
namespace {

using namespace std::chrono_literals;
using test::ManualClock;

constexpr auto kHour = std::chrono::milliseconds(1h);
constexpr auto k56Years = std::chrono::milliseconds(24h * 365 * 56);

TEST(HubClock, BeginsAtZeroAndFollowsMonotonicTime) {
  ManualClock clock;
  HubClock hub(clock, {});
  EXPECT_EQ(hub.now_ms(), 0);
  clock.advance(1500ms);
  EXPECT_EQ(hub.now_ms(), 1500);
}

TEST(HubClock, AStepOfTheWallClockBy56YearsDoesNotMoveIt) {
  ManualClock clock;
  clock.set_synchronized(false);
  HubClock hub(clock, {});
  clock.advance(10s);
  clock.step_wall(k56Years);
  EXPECT_EQ(hub.now_ms(), 10'000);
  clock.set_synchronized(true);
  EXPECT_EQ(hub.now_ms(), 10'000);
  clock.step_wall(k56Years);
  clock.advance(1s);
  EXPECT_EQ(hub.now_ms(), 11'000);
}

TEST(HubClock, AStepOfTheWallClockBackByAnHourDoesNotMoveIt) {
  ManualClock clock;
  HubClock hub(clock, {.hub_ms = 5000, .wall = clock.wall()});
  clock.advance(2s);
  EXPECT_EQ(hub.now_ms(), 7000);
  clock.step_wall(-kHour);
  EXPECT_EQ(hub.now_ms(), 7000);
  clock.advance(1s);
  EXPECT_EQ(hub.now_ms(), 8000);
}

TEST(HubClock, CountsTheTimeDownWhenBothEndsWereSynchronised) {
  ManualClock clock;
  const HubClock::Mark last{.hub_ms = 5000, .wall = clock.wall()};
  clock.step_wall(3 * kHour);  // what passed while nothing ran
  HubClock hub(clock, last);
  EXPECT_EQ(hub.now_ms(), 5000 + 3 * kHour.count());
  clock.advance(1s);
  EXPECT_EQ(hub.now_ms(), 5000 + 3 * kHour.count() + 1000);
}

TEST(HubClock, DoesNotCountTheTimeDownWhenTheEarlierEndWasNotSynchronised) {
  ManualClock clock;
  WallTime before = clock.wall();
  before.synchronized = false;
  clock.step_wall(3 * kHour);
  HubClock hub(clock, {.hub_ms = 5000, .wall = before});
  clock.advance(1s);
  EXPECT_EQ(hub.now_ms(), 6000);
}

TEST(HubClock, CountsTheTimeDownOnceTheClockBecomesSynchronised) {
  ManualClock clock;
  const HubClock::Mark last{.hub_ms = 5000, .wall = clock.wall()};
  const std::int64_t truth = clock.wall().ms + 3 * kHour.count();
  // A board without a clock chip comes up in 1970 ...
  clock.set_synchronized(false);
  clock.set_wall_ms(0);
  HubClock hub(clock, last);
  clock.advance(10s);
  EXPECT_EQ(hub.now_ms(), 15'000);
  // ... and learns the time ten seconds later.
  clock.set_wall_ms(truth + 10'000);
  clock.set_synchronized(true);
  EXPECT_EQ(hub.now_ms(), 5000 + 3 * kHour.count() + 10'000);
  clock.advance(1s);
  EXPECT_EQ(hub.now_ms(), 5000 + 3 * kHour.count() + 11'000);
}

TEST(HubClock, CountsTheTimeDownOnlyOnce) {
  ManualClock clock;
  const HubClock::Mark last{.hub_ms = 0, .wall = clock.wall()};
  clock.step_wall(kHour);
  HubClock hub(clock, last);
  EXPECT_EQ(hub.now_ms(), kHour.count());
  clock.step_wall(k56Years);
  EXPECT_EQ(hub.now_ms(), kHour.count());
}

TEST(HubClock, NeverGoesBackWhenTheWallClockStandsBeforeTheLastMark) {
  ManualClock clock;
  const HubClock::Mark last{.hub_ms = 5000, .wall = clock.wall()};
  clock.step_wall(-kHour);
  HubClock hub(clock, last);
  EXPECT_EQ(hub.now_ms(), 5000);
  clock.advance(1s);
  EXPECT_EQ(hub.now_ms(), 6000);
}

TEST(SystemClock, TellsAPlausibleTime) {
  const SystemClock clock;
  EXPECT_GT(clock.wall().ms, 1'700'000'000'000);  // after November 2023
  EXPECT_NEAR(static_cast<double>(clock.wall().ms), static_cast<double>(clock.wall_ms()), 60'000.0);
  const Instant before = clock.now();
  EXPECT_LE(before, clock.now());
}

}  // namespace
}  // namespace runnel
