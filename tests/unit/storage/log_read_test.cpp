// Reading: blocks by position, batches by offset, over many generations and while they come and go.

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using test::kMiB;
using test::LogFixture;
using test::Random;

TEST(LogRead, RandomGroupsAreReadBackOverGenerationsAndPartitions) {
  Random random;
  LogFixture f;
  f.open();
  f.fill_generations(random, 5);
  f.model.expect_same(f.log());
  f.model.expect_same(f.reopen());
}

TEST(LogRead, EveryPositionLeadsToItsBlock) {
  Random random;
  LogFixture f;
  const Log& log = f.open();
  f.fill_generations(random, 3);
  Position begin = log.first();
  for (std::uint64_t p = log.first().value; p < log.end().value; ++p) {
    const auto block = log.read_block(Position(p));
    ASSERT_TRUE(block) << p;
    ASSERT_LE((*block)->first().value, p);
    ASSERT_GT((*block)->end().value, p);
    if ((*block)->first() != begin) {
      ASSERT_EQ((*block)->first().value, p) << "blocks leave no hole";
    }
    begin = (*block)->first();
  }
  const auto behind = log.read_block(log.end());
  ASSERT_FALSE(behind);
  EXPECT_EQ(errc_of(behind.error()), Errc::not_found);
}

TEST(LogRead, ManyGenerationsAreReadThoughOnlyFewStayOpen) {
  LogFixture f;
  f.options.generation_bytes = kMiB / 2;
  f.options.limit_bytes = 40 * kMiB;
  f.open();
  for (std::uint32_t i = 0; f.log().totals().generations < 40; ++i) {
    ASSERT_EQ(f.commit_value(i % 3, std::string(60'000, 'x')), Errc::ok);
  }
  f.model.expect_same(f.log());
  const Log& log = f.reopen();
  f.model.expect_same(log);
  // To and fro, so that generations are closed and opened again.
  for (std::uint64_t i = 0; i < 500; ++i) {
    const Position p(i * 7919 % log.end().value);
    ASSERT_TRUE(log.read_block(p)) << p.value;
  }
}

TEST(LogRead, AFetchHoldsTheOffsetAskedForAndWholeBatches) {
  LogFixture f;
  const Log& log = f.open();
  for (int i = 0; i < 10; ++i) {
    Group group;
    for (int j = 0; j < 5; ++j) {
      f.model.append(group, PartitionId(0), {"k", std::to_string(i) + std::to_string(j), {}, 0});
    }
    ASSERT_EQ(f.settle(group), Errc::ok);
  }
  const auto fetched = log.fetch(PartitionId(0), Offset(13), 1);
  ASSERT_TRUE(fetched);
  const auto batch = BatchView::parse(fetched->batches, true);
  ASSERT_TRUE(batch) << "exactly one batch";
  EXPECT_EQ(batch->base_offset(), Offset(10));
  EXPECT_EQ(batch->records(), 5U);
  EXPECT_EQ(fetched->range.log_start, Offset(0));
  EXPECT_EQ(fetched->range.high_watermark, Offset(50));
}

TEST(LogRead, AFetchReturnsAtLeastOneBatchAndNoMoreThanAskedForAfterIt) {
  Random random;
  LogFixture f;
  const Log& log = f.open();
  f.fill_generations(random, 3);
  for (const std::uint32_t p : {0U, 1U, 4U}) {
    const PartitionRange range = log.range(PartitionId(p));
    for (std::int64_t o = range.log_start.value; o < range.high_watermark.value; o += 17) {
      const auto least = log.fetch(PartitionId(p), Offset(o), 0);
      ASSERT_TRUE(least);
      ASSERT_TRUE(BatchView::parse(least->batches, true)) << "one batch, though it is too large";
      const std::size_t max = least->batches.size() + random.between(0, 100'000);
      const auto more = log.fetch(PartitionId(p), Offset(o), max);
      ASSERT_TRUE(more);
      ASSERT_LE(more->batches.size(), max);
      ASSERT_TRUE(more->batches.starts_with(least->batches));
    }
  }
}

TEST(LogRead, AFetchGoesOnIntoTheNextGeneration) {
  Random random;
  LogFixture f;
  const Log& log = f.open();
  f.fill_generations(random, 4);
  const auto all = log.fetch(PartitionId(2), Offset(0), 100 * kMiB);
  ASSERT_TRUE(all);
  std::int64_t next = 0;
  ByteView rest = all->batches;
  while (!rest.empty()) {
    ByteReader head(rest);
    ASSERT_EQ(static_cast<std::int64_t>(head.be64()), next);
    const std::size_t size = head.be32() + std::size_t{12};
    next += BatchView::parse(rest.substr(0, size), true)->records();
    rest.remove_prefix(size);
  }
  EXPECT_EQ(next, log.range(PartitionId(2)).high_watermark.value);
}

TEST(LogRead, AFetchAtTheEndIsEmptyAndBeyondItNotFound) {
  LogFixture f;
  const Log& log = f.open();
  ASSERT_EQ(f.commit_value(0, "a"), Errc::ok);
  const auto end = log.fetch(PartitionId(0), Offset(1), 1000);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->batches.empty());
  for (const std::int64_t offset : {-1, 2}) {
    const auto outside = log.fetch(PartitionId(0), Offset(offset), 1000);
    ASSERT_FALSE(outside);
    EXPECT_EQ(errc_of(outside.error()), Errc::not_found);
  }
}

TEST(LogRead, AFetchBeforeTheLogStartIsNotFound) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  const Log& log = f.open();
  while (log.totals().discarded == 0) ASSERT_EQ(f.commit_random(random, 10, 4000), Errc::ok);
  const PartitionRange range = log.range(PartitionId(0));
  ASSERT_GT(range.log_start, Offset(0));
  const auto before = log.fetch(PartitionId(0), Offset(range.log_start.value - 1), 1000);
  ASSERT_FALSE(before);
  EXPECT_EQ(errc_of(before.error()), Errc::not_found);
  EXPECT_TRUE(log.fetch(PartitionId(0), range.log_start, 1000));
}

TEST(LogRead, APartitionThatSeldomSpeaksIsFoundBetweenBusyOnes) {
  Random random;
  LogFixture f;
  const Log& log = f.open();
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(f.commit_value(9, "seldom" + std::to_string(i)), Errc::ok);
    for (int j = 0; j < 11; ++j) ASSERT_EQ(f.commit_value(0, std::string(60'000, 'x')), Errc::ok);
  }
  EXPECT_GE(log.totals().generations, 4U);
  f.model.expect_same(log);
  f.model.expect_same(f.reopen());
}

TEST(LogRead, StateIsListedByPrefixInOrder) {
  LogFixture f;
  f.open();
  Group group;
  for (const char* name : {"b/2", "a/1", "b/1", "b", "c"})
    group.put_state(name, std::string(name) + "!");
  ASSERT_EQ(f.log().commit(group), Errc::ok);
  std::vector<std::string> names;
  ASSERT_TRUE(f.log().each_state("b/", [&](ByteView name, ByteView value) {
    EXPECT_EQ(value, std::string(name) + "!");
    names.emplace_back(name);
  }));
  EXPECT_EQ(names, (std::vector<std::string>{"b/1", "b/2"}));
  EXPECT_EQ(f.state().size(), 5U);
}

// Readers on three threads while one writes and generations follow each other out of the log.
TEST(LogRead, ReadersMeetWholeBlocksOrNotFoundWhileGenerationsAreRetired) {
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  Log& log = f.open();
  ASSERT_EQ(f.commit_value(0, "0"), Errc::ok);
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> read = 0;
  std::atomic<std::uint64_t> wrong = 0;
  const auto by_position = [&] {
    for (std::uint64_t i = 0; !done; ++i) {
      const std::uint64_t first = log.first().value;
      const Position p(first + i * 7 % (log.end().value - first));
      const auto block = log.read_block(p);
      if (block) {
        const auto index = static_cast<std::uint32_t>(p.value - (*block)->first().value);
        const auto record = (*block)->record(index);
        if (!record || record->offset.value != static_cast<std::int64_t>(p.value)) ++wrong;
        ++read;
      } else if (errc_of(block.error()) != Errc::not_found || p >= log.first()) {
        ++wrong;
      }
      if (log.totals().stored > log.totals().accepted) ++wrong;
      if (!log.each_state("", [](ByteView, ByteView) {})) ++wrong;
    }
  };
  const auto by_offset = [&] {
    while (!done) {
      const Offset start = log.range(PartitionId(0)).log_start;
      const auto fetched = log.fetch(PartitionId(0), start, 200'000);
      if (fetched) {
        if (fetched->damaged != 0 || fetched->batches.empty()) ++wrong;
        ByteReader head(fetched->batches);
        if (static_cast<std::int64_t>(head.be64()) != start.value) ++wrong;
        ++read;
      } else if (start >= log.range(PartitionId(0)).log_start) {
        ++wrong;
      }
    }
  };
  std::thread readers[] = {
      std::thread(by_position), std::thread(by_position), std::thread(by_offset)};
  for (int i = 0; i < 250; ++i) {
    Group group;
    const std::string value(50'000, static_cast<char>('a' + i % 26));
    NewRecord r;
    r.value = value;
    group.append(PartitionId(0), r);
    group.put_state("round", std::to_string(i));
    ASSERT_EQ(log.commit(group), Errc::ok);
    if (i % 50 == 0) log.set_limits(f.options);
  }
  done = true;
  for (std::thread& t : readers) t.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(read, 100U);
  EXPECT_GT(log.totals().discarded, 100U);
}

}  // namespace
}  // namespace runnel::log
