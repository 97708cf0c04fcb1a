#include "storage/log/block.h"

#include <gtest/gtest.h>

#include "storage/base/crc32c.h"
#include "tests/support/records.h"

namespace runnel::log {
namespace {

using test::owned;
using test::OwnedRecord;
using test::Random;
using test::random_record;
using test::RecordInput;

struct Lane {
  PartitionId partition{};
  Offset base{};
  std::vector<OwnedRecord> records;
};

Bytes block_of(const std::vector<Lane>& lanes, Position first) {
  BlockBuilder builder;
  for (const Lane& lane : lanes) {
    BatchBuilder batch;
    for (const OwnedRecord& r : lane.records) batch.append(RecordInput(r).get());
    batch.seal(lane.base);
    builder.add(lane.partition, lane.base, batch.records(), batch.bytes());
  }
  return builder.finish(first, 123'456, {1'750'000'000'000, true}, 9);
}

std::vector<Lane> two_lanes() {
  return {
      {PartitionId(3), Offset(100), {{"a", "1", {}, 10}, {"b", "2", {}, 20}}},
      {PartitionId(7), Offset(0), {{"c", "3", {{"h", "x"}}, 30}}},
  };
}

Bytes flip(Bytes bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  return bytes;
}

// A block whose table the test has changed, with the checksum that belongs to it.
Bytes with_checksum(Bytes bytes, std::size_t entries) {
  Bytes crc;
  const std::size_t table_end = kBlockHeadBytes + entries * kBlockEntryBytes;
  ByteWriter(crc).le32(crc32c(ByteView(bytes).substr(8, table_end - 8)));
  return bytes.replace(4, 4, crc);
}

TEST(Block, IsLaidOutAsItsHeaderSays) {
  const Bytes bytes = block_of(two_lanes(), Position(555));
  ByteReader r(bytes);
  EXPECT_EQ(r.take(4), "RNB1");
  EXPECT_EQ(r.le32(), crc32c(ByteView(bytes).substr(8, 32 + 2 * 32)));
  EXPECT_EQ(r.le64(), 555U);
  EXPECT_EQ(r.le64(), 123'456U);
  EXPECT_EQ(r.le64(), 1'750'000'000'000U);
  EXPECT_EQ(r.le32(), 9U);
  EXPECT_EQ(r.le16(), 1);
  EXPECT_EQ(r.le16(), 2);
  EXPECT_EQ(r.position(), 40U);
  EXPECT_EQ(r.le32(), 3U);
  EXPECT_EQ(r.le32(), 104U);
  const std::uint32_t first_bytes = r.le32();
  EXPECT_EQ(r.le32(), 2U);
  EXPECT_EQ(r.le64(), 100U);
  const auto newest = static_cast<std::int64_t>(r.le64());
  EXPECT_EQ(r.le32(), 7U);
  EXPECT_EQ(r.le32(), 104U + first_bytes);
  const std::uint32_t second_bytes = r.le32();
  EXPECT_EQ(r.le32(), 1U);
  EXPECT_EQ(r.le64(), 0U);
  r.le64();
  const auto first = BatchView::parse(r.take(first_bytes), true);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->max_timestamp_ms(), newest);
  EXPECT_TRUE(BatchView::parse(r.take(second_bytes), true));
  EXPECT_TRUE(r.ok() && r.done());
}

TEST(Block, RandomBlocksComeBackAsTheyWent) {
  Random random;
  for (int round = 0; round < 50; ++round) {
    std::vector<Lane> lanes(random.between(1, 12));
    std::vector<std::pair<const Lane*, std::size_t>> order;
    for (Lane& lane : lanes) {
      lane.partition = PartitionId(static_cast<std::uint32_t>(random.between(0, 1000)));
      lane.base = Offset(static_cast<std::int64_t>(random.between(0, 1ULL << 40)));
      lane.records.resize(random.between(1, 20));
      for (OwnedRecord& r : lane.records) r = random_record(random, 200);
      for (std::size_t i = 0; i < lane.records.size(); ++i) order.emplace_back(&lane, i);
    }
    const Position first(random.between(0, 1ULL << 50));
    const auto block = Block::make(block_of(lanes, first), false);
    ASSERT_TRUE(block);
    EXPECT_EQ((*block)->first(), first);
    EXPECT_EQ((*block)->end().value, first.value + order.size());
    EXPECT_EQ((*block)->head().records(), order.size());
    EXPECT_EQ((*block)->damaged(), 0U);
    EXPECT_EQ((*block)->head().hub_ms, 123'456);
    EXPECT_EQ((*block)->head().boot, 9U);
    EXPECT_TRUE((*block)->head().wall.synchronized);
    ASSERT_EQ((*block)->records(), order.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) {
      const auto& [lane, index] = order[i];
      EXPECT_EQ((*block)->partition(i), lane->partition);
      const auto record = (*block)->record(i);
      ASSERT_TRUE(record);
      EXPECT_EQ(record->offset.value, lane->base.value + static_cast<std::int64_t>(index));
      EXPECT_EQ(owned(*record), lane->records[index]);
    }
  }
}

TEST(Block, ABuilderIsEmptyAfterFinish) {
  BlockBuilder builder;
  EXPECT_TRUE(builder.empty());
  BatchBuilder batch;
  batch.append({});
  batch.seal(Offset(0));
  builder.add(PartitionId(1), Offset(0), 1, batch.bytes());
  EXPECT_FALSE(builder.empty());
  EXPECT_EQ(builder.records(), 1U);
  const std::size_t announced = builder.size();
  EXPECT_EQ(builder.finish(Position(0), 0, {}, 1).size(), announced);
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.records(), 0U);
}

TEST(Block, ADamagedBatchCostsItselfOnly) {
  const std::vector<Lane> lanes = two_lanes();
  const Bytes sound = block_of(lanes, Position(555));
  const std::size_t first_batch = kBlockHeadBytes + 2 * kBlockEntryBytes;
  const auto head = BlockHead::parse(sound);
  ASSERT_TRUE(head);
  const std::size_t second_batch = head->entries[1].place;
  for (std::size_t bit = first_batch * 8; bit < sound.size() * 8; ++bit) {
    const bool in_first = bit / 8 < second_batch;
    const std::size_t in_batch = bit / 8 - (in_first ? first_batch : second_batch);
    const auto block = Block::make(flip(sound, bit), false);
    ASSERT_TRUE(block) << bit;
    ASSERT_EQ((*block)->records(), 3U);
    if (in_batch >= 12 && in_batch < 16) {
      EXPECT_EQ((*block)->damaged(), 0U) << "the leader epoch says nothing about the records";
      continue;
    }
    EXPECT_EQ((*block)->damaged(), in_first ? 2U : 1U) << bit;
    for (std::uint32_t i = 0; i < 3; ++i) {
      const bool lost = in_first == (i < 2);
      EXPECT_EQ((*block)->record(i).has_value(), !lost) << "bit " << bit << " record " << i;
    }
    EXPECT_EQ((*block)->partition(0), PartitionId(3));
    EXPECT_EQ((*block)->partition(2), PartitionId(7));
    EXPECT_EQ((*block)->end(), Position(558));
  }
}

TEST(Block, EveryFlippedBitInItsHeadIsRefused) {
  const Bytes sound = block_of(two_lanes(), Position(555));
  for (std::size_t bit = 0; bit < (kBlockHeadBytes + 2 * kBlockEntryBytes) * 8; ++bit) {
    const auto block = Block::make(flip(sound, bit), false);
    ASSERT_FALSE(block) << bit;
    EXPECT_EQ(errc_of(block.error()), Errc::damaged);
  }
}

TEST(Block, EveryTruncationIsRefused) {
  const Bytes sound = block_of(two_lanes(), Position(555));
  for (std::size_t n = 0; n < sound.size(); ++n) {
    EXPECT_FALSE(BlockHead::parse(Bytes(ByteView(sound).substr(0, n)))) << n;
  }
  EXPECT_FALSE(BlockHead::parse(sound + "x"));
}

TEST(Block, ATableThatDoesNotFitTheBatchesIsRefusedThoughItsChecksumHolds) {
  const Bytes sound = block_of(two_lanes(), Position(555));
  ASSERT_TRUE(BlockHead::parse(with_checksum(sound, 2)));
  const auto changed = [&](std::size_t at, std::uint32_t value) {
    Bytes bytes = sound;
    Bytes le;
    ByteWriter(le).le32(value);
    return with_checksum(bytes.replace(at, 4, le), 2);
  };
  EXPECT_FALSE(BlockHead::parse(changed(40 + 4, 105))) << "a gap before the first batch";
  EXPECT_FALSE(BlockHead::parse(changed(40 + 8, 1))) << "a batch shorter than what follows it";
  EXPECT_FALSE(BlockHead::parse(changed(72 + 8, 1'000'000))) << "a batch beyond the end";
  EXPECT_FALSE(BlockHead::parse(changed(72 + 8, 0xffffffff)));
  EXPECT_FALSE(BlockHead::parse(changed(72 + 12, 0))) << "a batch of no records";
  EXPECT_FALSE(BlockHead::parse(changed(72 + 12, 0xffffffff))) << "more records than bytes";
}

TEST(Block, ABatchThatContradictsItsEntryIsDamaged) {
  std::vector<Lane> lanes = two_lanes();
  const Bytes sound = block_of(lanes, Position(555));
  // The entry promises another base offset than the batch has.
  Bytes bytes = sound;
  bytes[40 + 16] = static_cast<char>(bytes[40 + 16] ^ 1);
  const auto block = Block::make(with_checksum(bytes, 2), false);
  ASSERT_TRUE(block);
  EXPECT_EQ((*block)->damaged(), 2U);
  // The entry promises another number of records.
  bytes = sound;
  bytes[40 + 12] = 3;
  const auto more = Block::make(with_checksum(bytes, 2), false);
  ASSERT_TRUE(more);
  EXPECT_EQ((*more)->damaged(), 3U);
  EXPECT_EQ((*more)->end(), Position(559));
  EXPECT_TRUE((*more)->record(3));
}

TEST(Block, NoiseIsNeverBelieved) {
  Random random;
  for (int round = 0; round < 2000; ++round) {
    Bytes noise = random.bytes(random.between(0, 300));
    if (noise.size() >= 4) noise.replace(0, 4, "RNB1");
    EXPECT_FALSE(Block::make(noise, false));
  }
}

}  // namespace
}  // namespace runnel::log
