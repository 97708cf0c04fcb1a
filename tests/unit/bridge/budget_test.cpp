#include <gtest/gtest.h>

#include "bridge/backoff.h"
#include "bridge/budget.h"

namespace runnel::bridge {
namespace {

using std::chrono::milliseconds;

struct LinkBudget : ::testing::Test {
  void pass(milliseconds by) {
    now += by;
    hub_ms += by.count();
  }

  // Uses `bytes` at a time as often as it is let, for so long.
  std::uint64_t use(std::uint64_t bytes, milliseconds span) {
    std::uint64_t sum = 0;
    for (milliseconds gone{}; gone < span; gone += milliseconds(10)) {
      if (!budget.wait(now, hub_ms)) {
        budget.used(bytes, now, hub_ms);
        sum += bytes;
      }
      pass(milliseconds(10));
    }
    return sum;
  }

  Budget budget;
  Instant now{};
  std::int64_t hub_ms = 1000;
};

TEST_F(LinkBudget, WithoutALimitNobodyWaits) {
  EXPECT_EQ(use(1 << 20, milliseconds(1000)), 100U << 20);
}

TEST_F(LinkBudget, ComesToTheBytesPerSecondHoweverLargeTheSteps) {
  for (const std::uint64_t step : {100U, 5'000U, 40'000U}) {
    budget = {};
    budget.set(10'000, std::nullopt);
    const auto used = use(step, std::chrono::seconds(100));
    EXPECT_NEAR(static_cast<double>(used), 1'000'000, static_cast<double>(step + 10'000)) << step;
  }
}

TEST_F(LinkBudget, SavesNoMoreThanASecond) {
  budget.set(10'000, std::nullopt);
  use(100, milliseconds(100));
  pass(std::chrono::hours(1));
  EXPECT_LE(use(1000, milliseconds(100)), 13'000U);
}

TEST_F(LinkBudget, OfADayIsForADayOfHubTime) {
  budget.set(std::nullopt, 1000);
  EXPECT_EQ(use(100, milliseconds(1000)), 1000U);
  EXPECT_TRUE(budget.spent(hub_ms));
  EXPECT_EQ(budget.left_today(hub_ms), 0U);
  pass(std::chrono::hours(23));
  EXPECT_TRUE(budget.wait(now, hub_ms));
  pass(std::chrono::hours(1));
  EXPECT_EQ(budget.left_today(hub_ms), 1000U);
  EXPECT_EQ(use(100, milliseconds(1000)), 1000U);
}

TEST_F(LinkBudget, OfADayIsKeptOverRestarts) {
  budget.set(std::nullopt, 1000);
  budget.used(900, now, hub_ms);
  Budget next;
  next.set(std::nullopt, 1000);
  next.restore(budget.day());
  EXPECT_EQ(next.left_today(hub_ms + 1), 100U);
}

TEST_F(LinkBudget, OneStepIsWorthNoMoreThanASecond) {
  budget.set(32 * 1024, std::nullopt);
  EXPECT_LE(budget.burst(), 32 * 1024U);
}

TEST(LinkBackoff, GrowsToItsMostAndBeginsAnewAfterWhatHasLasted) {
  Backoff backoff(milliseconds(100), milliseconds(1000), 7);
  milliseconds most{};
  for (int i = 0; i < 100; ++i) {
    const auto wait = backoff.next();
    EXPECT_GE(wait, milliseconds(100));
    EXPECT_LE(wait, milliseconds(1000));
    most = std::max(most, wait);
  }
  EXPECT_EQ(most, milliseconds(1000));
  backoff.went_well(milliseconds(10));  // thrown out at once
  backoff.went_well(milliseconds(5000));
  EXPECT_LE(backoff.next(), milliseconds(300));
}

TEST(LinkBackoff, IsNotTheSameForTwo) {
  Backoff one(milliseconds(100), milliseconds(1000), 1);
  Backoff other(milliseconds(100), milliseconds(1000), 2);
  int same = 0;
  for (int i = 0; i < 20; ++i) same += one.next() == other.next() ? 1 : 0;
  EXPECT_LT(same, 10);
}

}  // namespace
}  // namespace runnel::bridge
