// Flipped bits, torn and missing files: what is damaged is never delivered, costs as little as it
// can, and never keeps the hub from starting.

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

namespace fs = std::filesystem;
using test::kMiB;
using test::LogFixture;
using test::Random;

// Groups of three records over partitions 0, 1 and 0, large enough to have pages of their own.
void commit_three(LogFixture& f, int i) {
  Group group;
  const auto value = [&](int k) {
    const auto letter = static_cast<char>('a' + (i + k) % 26);
    return "record " + std::to_string(3 * i + k) + std::string(6000, letter);
  };
  f.model.append(group, PartitionId(0), {"k", value(0), {}, i});
  f.model.append(group, PartitionId(1), {"k", value(1), {}, i});
  f.model.append(group, PartitionId(0), {"k", value(2), {}, i});
  ASSERT_EQ(f.settle(group), Errc::ok);
}

// Flips a bit in the block that begins at `first`, `at` bytes from its start.
void damage_block(const LogFixture& f, std::uint32_t generation, Position first, std::size_t at) {
  const auto places = test::find_blocks(test::read_file(f.file(generation)), first);
  ASSERT_FALSE(places.empty());
  for (const std::size_t place : places) test::flip_bit(f.file(generation), place + at, 3);
}

struct Reading {
  std::uint64_t sound = 0;
  std::uint64_t damaged = 0;
  std::uint64_t wrong = 0;
  std::uint64_t later = 0;  // behind what the model knows
};

// Reads every position as a session would: damage is stepped over, nothing else.
Reading read_all(const LogFixture& f, const Log& log) {
  Reading out;
  Position at = log.first();
  while (at < log.end()) {
    const auto block = log.read_block(at);
    if (!block) {
      EXPECT_EQ(errc_of(block.error()), Errc::damaged) << at.value;
      const Position next = log.skip_damaged(at);
      EXPECT_GT(next, at);
      out.damaged += next.value - at.value;
      at = next;
      continue;
    }
    for (; at < (*block)->end(); ++at.value) {
      const auto record =
          (*block)->record(static_cast<std::uint32_t>(at.value - (*block)->first().value));
      if (!record) {
        ++out.damaged;
      } else if (at.value >= f.model.end()) {
        ++out.later;
      } else if (test::owned(*record) == f.model.entries()[at.value].record) {
        ++out.sound;
      } else {
        ++out.wrong;
      }
    }
  }
  return out;
}

// The same by offsets, as a Kafka consumer would.
Reading fetch_all(const LogFixture& f, const Log& log, PartitionId partition) {
  std::map<std::int64_t, const test::OwnedRecord*> expected;
  for (const auto& e : f.model.entries()) {
    if (e.partition == partition) expected[e.offset.value] = &e.record;
  }
  Reading out;
  const PartitionRange range = log.range(partition);
  Offset next = range.log_start;
  while (next < range.high_watermark) {
    const auto fetched = log.fetch(partition, next, 50'000);
    EXPECT_TRUE(fetched) << "offset " << next.value;
    if (!fetched) return out;
    out.damaged += fetched->damaged;
    if (fetched->batches.empty()) return out;
    ByteView rest = fetched->batches;
    while (!rest.empty()) {
      ByteReader head(rest);
      head.be64();
      const std::size_t size = head.be32() + std::size_t{12};
      const auto batch = BatchView::parse(rest.substr(0, size), true);
      EXPECT_TRUE(batch);
      std::size_t at = BatchView::first_record();
      for (std::uint32_t i = 0; i < batch->records(); ++i) {
        const auto record = batch->record_at(at);
        ++(test::owned(*record) == *expected[record->offset.value] ? out.sound : out.wrong);
      }
      next = Offset(batch->base_offset().value + batch->records());
      rest.remove_prefix(size);
    }
  }
  return out;
}

void expect_reading(const Reading& r, std::uint64_t sound, std::uint64_t damaged) {
  EXPECT_EQ(r.sound, sound);
  EXPECT_EQ(r.damaged, damaged);
  EXPECT_EQ(r.wrong, 0U);
}

TEST(LogDamage, AFlippedBitInABatchCostsThatBatchOnly) {
  LogFixture f;
  f.open();
  for (int i = 0; f.log().totals().generations < 3; ++i) commit_three(f, i);
  f.close();
  damage_block(f, 1, Position(9), kBlockHeadBytes + 2 * kBlockEntryBytes + 500);
  const Log& log = f.open();
  const auto block = log.read_block(Position(9));
  ASSERT_TRUE(block);
  EXPECT_EQ((*block)->damaged(), 2U) << "both records of partition 0 share a batch";
  EXPECT_FALSE((*block)->record(0));
  EXPECT_FALSE((*block)->record(1));
  EXPECT_TRUE((*block)->record(2));
  expect_reading(read_all(f, log), f.model.end() - 2, 2);
  expect_reading(fetch_all(f, log, PartitionId(0)), f.model.end() / 3 * 2 - 2, 2);
  expect_reading(fetch_all(f, log, PartitionId(1)), f.model.end() / 3, 0);
}

TEST(LogDamage, AFlippedBitInABlockHeadCostsThatBlockOnly) {
  for (const std::size_t at : {0, 5, 8, 20, 38, 45, 60}) {
    LogFixture f;
    f.open();
    for (int i = 0; f.log().totals().generations < 3; ++i) commit_three(f, i);
    f.close();
    damage_block(f, 1, Position(9), at);
    const Log& log = f.open();
    for (const std::uint64_t p : {9, 10, 11}) {
      const auto block = log.read_block(Position(p));
      ASSERT_FALSE(block);
      EXPECT_EQ(errc_of(block.error()), Errc::damaged);
      EXPECT_EQ(log.skip_damaged(Position(p)), Position(12));
    }
    expect_reading(read_all(f, log), f.model.end() - 3, 3);
    expect_reading(fetch_all(f, log, PartitionId(0)), f.model.end() / 3 * 2 - 2, 2);
    expect_reading(fetch_all(f, log, PartitionId(1)), f.model.end() / 3 - 1, 1);
  }
}

TEST(LogDamage, DamageAtTheEndOfASealedGenerationIsSteppedOver) {
  LogFixture f;
  f.open();
  for (int i = 0; f.log().totals().generations < 3; ++i) commit_three(f, i);
  f.close();
  const Position second =
      (*Generation::open(f.dir(), GenerationId(2), Env::Mode::read_only))->head().first;
  damage_block(f, 1, Position(second.value - 3), 8);
  damage_block(f, 1, Position(second.value - 6), 8);
  const Log& log = f.open();
  EXPECT_EQ(log.skip_damaged(Position(second.value - 6)), second);
  expect_reading(read_all(f, log), f.model.end() - 6, 6);
  expect_reading(fetch_all(f, log, PartitionId(0)), f.model.end() / 3 * 2 - 4, 4);
  expect_reading(fetch_all(f, log, PartitionId(1)), f.model.end() / 3 - 2, 2);
}

TEST(LogDamage, ADamagedBlockInTheActiveGenerationIsSteppedOverAndTheLogGoesOn) {
  LogFixture f;
  f.open();
  for (int i = 0; i < 6; ++i) commit_three(f, i);
  f.close();
  damage_block(f, 1, Position(6), 8);
  Log& log = f.open();
  EXPECT_EQ(log.end(), Position(18));
  for (int i = 6; i < 30; ++i) commit_three(f, i);
  expect_reading(read_all(f, log), f.model.end() - 3, 3);
  const Log& again = f.reopen();
  expect_reading(read_all(f, again), f.model.end() - 3, 3);
  expect_reading(fetch_all(f, again, PartitionId(1)), f.model.end() / 3 - 1, 1);
}

TEST(LogDamage, ADamagedLastBlockDoesNotKeepTheLogFromTakingRecords) {
  LogFixture f;
  f.open();
  for (int i = 0; i < 6; ++i) commit_three(f, i);
  f.close();
  damage_block(f, 1, Position(15), 8);
  Log& log = f.open();
  const Position end = log.end();
  EXPECT_GE(
      end, Position(18)
  ) << "no position is given twice, though nobody knows how many were lost";
  EXPECT_GE(log.range(PartitionId(0)).high_watermark, Offset(12));
  EXPECT_GE(log.range(PartitionId(1)).high_watermark, Offset(6));
  for (int i = 0; i < 30; ++i) {
    Group group;
    NewRecord r;
    const std::string value = "new " + std::to_string(i) + std::string(6000, 'n');
    r.value = value;
    group.append(PartitionId(0), r);
    ASSERT_EQ(log.commit(group), Errc::ok) << i;
    const auto block = log.read_block(group.outcome.first);
    ASSERT_TRUE(block);
    EXPECT_EQ((*block)->record(0)->value, value);
  }
  EXPECT_EQ(f.reopen().end().value, end.value + 30);
}

// Gives the block at `from` the key `to`, as flipped bits in the key would.
void move_block(const LogFixture& f, std::uint32_t generation, Position from, Position to) {
  auto env = Env::open(f.file(generation), kMiB, Env::Mode::writable);
  ASSERT_TRUE(env);
  Bytes value;
  {
    const auto read = ReadTxn::begin(**env);
    value = Bytes(*read->get(block_key(from)));
  }
  auto txn = WriteTxn::begin(**env);
  ASSERT_TRUE(txn->erase(block_key(from)));
  ASSERT_TRUE(txn->put(block_key(to), value));
  ASSERT_TRUE(txn->commit());
}

TEST(LogDamage, ABlockUnderAnothersKeyIsSteppedOver) {
  for (const std::uint64_t to : {std::uint64_t{10}, std::uint64_t{1} << 40, std::uint64_t{4}}) {
    for (const std::uint32_t generation : {1U, 2U}) {  // sealed, active
      LogFixture f;
      f.open();
      for (int i = 0; f.log().totals().generations < 2; ++i) commit_three(f, i);
      for (int i = 0; i < 4; ++i) commit_three(f, i);
      const std::uint64_t end = f.log().end().value;
      f.close();
      const std::uint64_t from = generation == 1 ? 9 : end - 9;
      move_block(f, generation, Position(from), Position(to));
      f.open();
      EXPECT_EQ(f.log().end().value, end);
      for (int i = 0; i < 4; ++i) commit_three(f, i);
      expect_reading(read_all(f, f.log()), f.model.end() - 3, 3);
      expect_reading(fetch_all(f, f.log(), PartitionId(0)), f.model.end() / 3 * 2 - 2, 2);
      f.reopen();
      expect_reading(read_all(f, f.log()), f.model.end() - 3, 3);
    }
  }
}

TEST(LogDamage, ADamagedNewestGenerationIsSetAsideAndTheHubStarts) {
  Random random;
  LogFixture f;
  f.open();
  ASSERT_EQ(f.put_state("kept", "1"), Errc::ok);
  f.fill_generations(random, 3);
  const Position third =
      (f.close(),
       (*Generation::open(f.dir(), GenerationId(3), Env::Mode::read_only))->head().first);
  test::write_file(f.file(3), std::string(kMiB, 'z'));
  f.open();
  EXPECT_EQ(f.log().totals().damaged, 1U);
  EXPECT_TRUE(fs::exists(f.file(3).string() + ".damaged"));
  EXPECT_GE(f.log().end().value, f.model.end()) << "no position is given twice";
  EXPECT_EQ(f.state().at("kept"), "1");
  Group group;
  NewRecord r;
  r.value = "after";
  group.append(PartitionId(0), r);
  ASSERT_EQ(f.log().commit(group), Errc::ok);
  const Position after = group.outcome.first;
  EXPECT_GE(after.value, f.model.end());
  EXPECT_EQ(f.reopen().end().value, after.value + 1);
  EXPECT_EQ((*f.log().read_block(after))->record(0)->value, "after");
  EXPECT_EQ(f.log().skip_damaged(third), after);
}

TEST(LogDamage, ADamagedPageOfTheNewestGenerationCostsWhatStandsOnItOnly) {
  constexpr std::size_t kPage = 4096;
  Random random;
  std::size_t pages = 0;
  std::size_t harmless = 0;
  for (std::size_t page = 2;; ++page) {
    LogFixture f;
    f.open();
    for (int i = 0; f.log().totals().generations < 2; ++i) commit_three(f, i);
    for (int i = 0; i < 12; ++i) commit_three(f, i);
    for (int i = 0; i < 200; ++i) {
      ASSERT_EQ(f.put_state("name " + std::to_string(i), std::string(50, 'v')), Errc::ok);
    }
    const std::uint64_t end = f.log().end().value;
    const std::size_t used = (*Env::open(f.file(2), 0, Env::Mode::read_only))->used_bytes();
    f.close();
    if (page * kPage >= used) break;
    ++pages;
    std::string bytes = test::read_file(f.file(2));
    bytes.replace(page * kPage, kPage, random.bytes(kPage));
    test::write_file(f.file(2), bytes);
    Log& log = f.open();
    EXPECT_GE(log.end().value, end) << "no position is given twice";
    const Reading r = read_all(f, log);
    EXPECT_EQ(r.wrong, 0U);
    EXPECT_EQ(r.sound + r.damaged, log.end().value - log.first().value);
    if (r.sound == end && f.state().size() == 200) ++harmless;
    for (int i = 0; i < 30; ++i) {
      Group group;
      NewRecord record;
      const std::string value = "new " + std::to_string(i) + std::string(6000, 'n');
      record.value = value;
      group.append(PartitionId(0), record);
      ASSERT_EQ(log.commit(group), Errc::ok) << i;
      const auto block = log.read_block(group.outcome.first);
      ASSERT_TRUE(block);
      EXPECT_EQ((*block)->record(0)->value, value);
    }
    const Log& again = f.reopen();
    const Reading second = read_all(f, again);
    EXPECT_EQ(second.wrong, 0U);
    EXPECT_EQ(second.sound, r.sound);
    EXPECT_EQ(second.later, 30U);
  }
  EXPECT_GT(pages, 60U);
  EXPECT_GT(harmless, 5U) << "pages that nothing refers to do no harm";
}

TEST(LogDamage, ADamagedGenerationInTheMiddleIsSteppedOver) {
  LogFixture f;
  f.open();
  for (int i = 0; f.log().totals().generations < 4; ++i) commit_three(f, i);
  f.close();
  const auto first_of = [&](std::uint32_t id) {
    return (*Generation::open(f.dir(), GenerationId(id), Env::Mode::read_only))->head().first;
  };
  const Position begin = first_of(2);
  const Position end = first_of(3);
  const std::uint64_t lost = end.value - begin.value;
  test::write_file(f.file(2), std::string(kMiB, 'z'));
  const Log& log = f.open();
  EXPECT_EQ(log.totals().damaged, 1U);
  EXPECT_EQ(log.first(), Position(0));
  const auto block = log.read_block(begin);
  ASSERT_FALSE(block);
  EXPECT_EQ(errc_of(block.error()), Errc::damaged);
  EXPECT_EQ(log.skip_damaged(begin), end);
  expect_reading(read_all(f, log), f.model.end() - lost, lost);
  expect_reading(fetch_all(f, log, PartitionId(1)), (f.model.end() - lost) / 3, lost / 3);
}

TEST(LogDamage, RecordsOfADamagedOldestGenerationAreDiscardedAndCounted) {
  LogFixture f;
  f.open();
  for (int i = 0; f.log().totals().generations < 4; ++i) commit_three(f, i);
  f.close();
  test::write_file(f.file(1), std::string(kMiB, 'z'));
  for (int round = 0; round < 2; ++round) {
    const Log::Totals t = f.reopen().totals();
    EXPECT_EQ(t.accepted, f.model.end());
    EXPECT_GT(t.discarded, 0U);
    EXPECT_EQ(t.accepted, t.stored + t.expired + t.discarded);
    commit_three(f, 0);
    expect_reading(read_all(f, f.log()), f.log().totals().stored, 0);
  }
}

TEST(LogDamage, AHubWhoseEveryGenerationIsDamagedStartsAnew) {
  Random random;
  LogFixture f;
  f.open();
  f.fill_generations(random, 3);
  f.close();
  for (const std::uint32_t id : {1, 2, 3}) test::write_file(f.file(id), "nothing");
  Log& log = f.open();
  EXPECT_EQ(log.totals().damaged, 3U);
  EXPECT_EQ(log.end(), Position(0));
  EXPECT_TRUE(fs::exists(f.file(4))) << "files that were set aside keep their numbers";
  Group group;
  NewRecord r;
  r.value = "x";
  group.append(PartitionId(0), r);
  EXPECT_EQ(log.commit(group), Errc::ok);
  EXPECT_EQ(f.reopen().end(), Position(1));
}

TEST(LogDamage, AGenerationThatWasCutShortIsSetAside) {
  for (const std::uint32_t id : {1U, 2U, 3U}) {
    for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{5000}, kMiB / 2 + 100}) {
      LogFixture f;
      f.open();
      for (int i = 0; f.log().totals().generations < 3 || i % 50 != 0; ++i) commit_three(f, i);
      f.close();
      fs::resize_file(f.file(id), bytes);
      Log& log = f.open();
      EXPECT_EQ(log.totals().damaged, 1U) << "generation " << id << ", " << bytes << " bytes";
      EXPECT_EQ(read_all(f, log).wrong, 0U);
      Group group;
      NewRecord r;
      r.value = "x";
      group.append(PartitionId(0), r);
      EXPECT_EQ(log.commit(group), Errc::ok);
    }
  }
}

}  // namespace
}  // namespace runnel::log
