#include "hub/app/kafka_range.h"

#include <gmock/gmock.h>

namespace runnel::app {
namespace {

using testing::HasSubstr;

constexpr Bounds kBounds{10, 20, -1, -1};  // offsets 10 to 19

From at(std::int64_t offset) {
  return {From::Kind::offset, offset};
}

From time(std::int64_t ms) {
  return {From::Kind::time, ms};
}

Range range(const Bounds& bounds, const RangeOptions& options) {
  const auto found = range_in(0, bounds, options);
  EXPECT_TRUE(found);
  return found ? *found : Range{};
}

kafka_client::Record record(std::int64_t offset, std::int64_t time_ms = 0) {
  kafka_client::Record out;
  out.offset = offset;
  out.time_ms = time_ms;
  return out;
}

TEST(RangeIn, BeginsWhereItIsTold) {
  EXPECT_EQ(range(kBounds, {}).next, 10);
  EXPECT_EQ(range(kBounds, {.from = {From::Kind::latest}}).next, 20);
  EXPECT_EQ(range(kBounds, {.from = at(15)}).next, 15);
  EXPECT_EQ(range(kBounds, {.from = at(20)}).next, 20);
  EXPECT_EQ(range(kBounds, {.from = {From::Kind::last, 3}}).next, 17);
  EXPECT_EQ(range(kBounds, {.from = {From::Kind::last, 300}}).next, 10);
  EXPECT_EQ(range({10, 20, 14, -1}, {.from = time(5)}).next, 14);
  EXPECT_EQ(range(kBounds, {.from = time(5)}).next, 20);  // nothing is so late
}

TEST(RangeIn, SaysWhatOfItIsGone) {
  const Range found = range(kBounds, {.from = at(4)});
  EXPECT_EQ(found.next, 10);
  EXPECT_EQ(found.skipped, 6);
}

TEST(RangeIn, RefusesAnOffsetThatIsNotThereYet) {
  const auto found = range_in(3, kBounds, {.from = at(21)});
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().text, HasSubstr("partition 3 has no offset 21 yet: the next is 20"));
}

TEST(RangeIn, EndsWhereThePartitionEndsUnlessItFollows) {
  EXPECT_EQ(range(kBounds, {}).end, 20);
  EXPECT_EQ(range(kBounds, {.follow = true}).end, kNoEnd);
}

TEST(RangeIn, EndsWhereItIsTold) {
  EXPECT_EQ(range(kBounds, {.until = at(13)}).end, 13);
  EXPECT_EQ(range(kBounds, {.until = at(300)}).end, 20);
  EXPECT_EQ(range(kBounds, {.until = at(300), .follow = true}).end, 300);
  EXPECT_EQ(range(kBounds, {.until = From{From::Kind::latest}, .follow = true}).end, 20);
  EXPECT_EQ(range(kBounds, {.until = From{From::Kind::last, 2}}).end, 18);
  EXPECT_EQ(range({10, 20, -1, 16}, {.until = time(7), .follow = true}).end, 16);
  EXPECT_EQ(range(kBounds, {.until = time(7)}).end, 20);
  EXPECT_TRUE(range(kBounds, {.from = at(15), .until = at(12)}).done());
}

TEST(RangeIn, WaitsForATimeThatHasNotComeWhenItFollows) {
  Range found = range(kBounds, {.until = time(700), .follow = true});
  EXPECT_EQ(found.end, kNoEnd);
  EXPECT_TRUE(found.holds(record(20, 699)));
  EXPECT_FALSE(found.passed(record(20, 699)));
  EXPECT_EQ(found.next, 21);
  EXPECT_FALSE(found.holds(record(21, 700)));
  EXPECT_TRUE(found.passed(record(21, 700)));
}

TEST(Range, IsPassedByItsLastRecordOrByTheFirstBehindIt) {
  Range found = range(kBounds, {});
  EXPECT_FALSE(found.passed(record(18)));
  EXPECT_TRUE(found.holds(record(19)));
  EXPECT_TRUE(found.passed(record(19)));
  Range gap = range(kBounds, {});
  EXPECT_FALSE(gap.holds(record(25)));  // 11 to 24 were compacted away, or aborted
  EXPECT_TRUE(gap.passed(record(25)));
}

}  // namespace
}  // namespace runnel::app
