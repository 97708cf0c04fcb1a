#include "storage/base/metrics.h"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runnel {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, AHeadStandsBeforeTheFirstSampleOfAMetricOnly) {
  Exposition out;
  out.counter("runnel_messages_discarded_total", "Records lost.", 3, "reason=\"age\"");
  out.counter("runnel_messages_discarded_total", "Records lost.", 4, "reason=\"ceiling\"");
  out.gauge("runnel_connections", "Open connections.", 7);
  EXPECT_EQ(
      out.take(),
      "# HELP runnel_messages_discarded_total Records lost.\n"
      "# TYPE runnel_messages_discarded_total counter\n"
      "runnel_messages_discarded_total{reason=\"age\"} 3\n"
      "runnel_messages_discarded_total{reason=\"ceiling\"} 4\n"
      "# HELP runnel_connections Open connections.\n"
      "# TYPE runnel_connections gauge\n"
      "runnel_connections 7\n"
  );
}

TEST(Metrics, LargeCountsAreWrittenToTheUnit) {
  Exposition out;
  out.counter("n", "N.", 123456789012345.0);
  EXPECT_THAT(out.take(), HasSubstr("\nn 123456789012345\n"));
}

TEST(Metrics, FractionsKeepNineDigits) {
  Exposition out;
  out.gauge("x", "X.", 0.000123456789);
  EXPECT_THAT(out.take(), HasSubstr("\nx 0.000123456789\n"));
}

TEST(Metrics, AHistogramIsCumulativeAndEndsWithInfinity) {
  Histogram h(100);
  h.observe(0);
  h.observe(100);  // a bound belongs to its bucket
  h.observe(101);
  h.observe(100 << 15);  // the last finite bound
  h.observe(100'000'000);
  Exposition out;
  out.histogram("runnel_commit_seconds", "Commits.", h, 1e-6);
  const std::string text = out.take();
  EXPECT_THAT(text, HasSubstr("# HELP runnel_commit_seconds Commits.\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE runnel_commit_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("runnel_commit_seconds_bucket{le=\"0.0001\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("runnel_commit_seconds_bucket{le=\"0.0002\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("runnel_commit_seconds_bucket{le=\"1.6384\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("runnel_commit_seconds_bucket{le=\"3.2768\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("runnel_commit_seconds_bucket{le=\"+Inf\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("runnel_commit_seconds_sum 103.277001\n"));
  EXPECT_THAT(text, HasSubstr("runnel_commit_seconds_count 5\n"));
}

TEST(Metrics, AnObservationFallsIntoTheFirstBucketThatHoldsIt) {
  for (std::uint64_t value = 0; value < 40'000; ++value) {
    Histogram one(1);
    one.observe(value);
    std::size_t bucket = 0;
    while (one.count(bucket) == 0) ++bucket;
    if (bucket < Histogram::kBuckets) {
      ASSERT_LE(value, one.bound(bucket));
    }
    if (bucket > 0) {
      ASSERT_GT(value, one.bound(bucket - 1));
    }
  }
}

TEST(Metrics, CountsFromManyThreadsAddUp) {
  Counter counter;
  Histogram h(1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < 10'000; ++i) {
        counter.add(2);
        h.observe(i);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(counter.value(), 80'000U);
  std::uint64_t observed = 0;
  for (std::size_t i = 0; i <= Histogram::kBuckets; ++i) observed += h.count(i);
  EXPECT_EQ(observed, 40'000U);
  EXPECT_EQ(h.sum(), 4U * 9'999 * 10'000 / 2);
}

}  // namespace
}  // namespace runnel
