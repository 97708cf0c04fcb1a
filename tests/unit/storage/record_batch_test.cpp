#include "storage/log/record_batch.h"

#include <limits>

#include <gtest/gtest.h>

#include "storage/base/crc32c.h"
#include "tests/support/records.h"

namespace runnel::log {
namespace {

using namespace std::string_literals;
using test::owned;
using test::OwnedRecord;
using test::Random;
using test::random_record;
using test::RecordInput;

// Three records at base offset 42, laid out by hand from the Kafka protocol guide ("Record Batch",
// "Record"); the checksum was computed bit by bit with another program.
const Bytes kByHand =
    "\x00\x00\x00\x00\x00\x00\x00\x2a"  // base offset 42
    "\x00\x00\x00\x5c"                  // 92 bytes follow
    "\x00\x00\x00\x00"                  // partition leader epoch
    "\x02"                              // magic
    "\x8f\x5d\xed\xc5"                  // CRC-32C from the attributes on
    "\x00\x00"                          // attributes
    "\x00\x00\x00\x02"                  // last offset delta
    "\x00\x00\x01\x8b\xcf\xe5\x68\x00"  // base timestamp 1700000000000
    "\x00\x00\x01\x8b\xcf\xe5\x68\xc8"  // max timestamp, 200 ms later
    "\xff\xff\xff\xff\xff\xff\xff\xff"  // producer id: none
    "\xff\xff"                          // producer epoch: none
    "\xff\xff\xff\xff"                  // base sequence: none
    "\x00\x00\x00\x03"                  // three records
    "\x28\x00\x00\x00"                  // 20 bytes; attributes, timestamp delta 0, offset delta 0
    "\x06key\x0avalue"                  //
    "\x02\x04h1\x04v1"                  // one header
    "\x0c\x00\x09\x02\x01\x00\x00"  // 6 bytes; delta -5 ms, 1; null key, empty value, no headers
    "\x1c\x00\x90\x03\x04\x00\x01\x04"  // 14 bytes; delta 200 ms, 2; empty key, null value, 2
                                        // headers
    "\x02\x61\x00\x02\x61\x02\x62"s;    // "a" = "", "a" = "b"

std::vector<OwnedRecord> by_hand_records() {
  constexpr std::int64_t kBase = 1'700'000'000'000;
  return {
      {"key", "value", {{"h1", "v1"}}, kBase},
      {std::nullopt, "", {}, kBase - 5},
      {"", std::nullopt, {{"a", ""}, {"a", "b"}}, kBase + 200},
  };
}

BatchBuilder built(const std::vector<OwnedRecord>& records, Offset base) {
  BatchBuilder builder;
  for (const OwnedRecord& r : records) builder.append(RecordInput(r).get());
  builder.seal(base);
  return builder;
}

// Reads every record as far as it goes; the sanitizers see any step over an end.
std::size_t read_all(const BatchView& batch) {
  std::size_t at = BatchView::first_record();
  std::size_t skipped = BatchView::first_record();
  std::size_t bytes = 0;
  for (std::uint32_t i = 0; i < batch.records(); ++i) {
    const auto record = batch.record_at(at);
    if (!record) return bytes;
    const OwnedRecord copy = owned(*record);
    bytes += (copy.key ? copy.key->size() : 0) + (copy.value ? copy.value->size() : 0);
    EXPECT_TRUE(batch.skip(skipped));
    EXPECT_EQ(skipped, at);
  }
  return bytes;
}

TEST(RecordBatch, IsLaidOutAsTheKafkaProtocolGuideSays) {
  EXPECT_EQ(built(by_hand_records(), Offset(42)).bytes(), kByHand);
}

TEST(RecordBatch, ReadsABatchThatWasWrittenByHand) {
  const auto batch = BatchView::parse(kByHand, true);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->base_offset(), Offset(42));
  EXPECT_EQ(batch->records(), 3U);
  EXPECT_EQ(batch->max_timestamp_ms(), 1'700'000'000'200);
  std::size_t at = BatchView::first_record();
  std::int64_t offset = 42;
  for (const OwnedRecord& expected : by_hand_records()) {
    const auto record = batch->record_at(at);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->offset.value, offset++);
    EXPECT_EQ(owned(*record), expected);
  }
  EXPECT_EQ(at, kByHand.size());
}

TEST(RecordBatch, RandomRecordsComeBackAsTheyWent) {
  Random random;
  for (int round = 0; round < 100; ++round) {
    std::vector<OwnedRecord> records(random.between(1, 60));
    for (OwnedRecord& r : records) r = random_record(random, 400);
    const auto base = Offset(static_cast<std::int64_t>(random.between(0, 1ULL << 62)));
    const BatchBuilder builder = built(records, base);
    const auto batch = BatchView::parse(builder.bytes(), true);
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->records(), records.size());
    std::size_t at = BatchView::first_record();
    std::int64_t max = std::numeric_limits<std::int64_t>::min();
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto record = batch->record_at(at);
      ASSERT_TRUE(record);
      ASSERT_EQ(record->offset.value, base.value + static_cast<std::int64_t>(i));
      ASSERT_EQ(owned(*record), records[i]);
      max = std::max(max, records[i].timestamp_ms);
    }
    EXPECT_EQ(batch->max_timestamp_ms(), max);
    EXPECT_EQ(at, builder.size());
  }
}

TEST(RecordBatch, KeepsAThousandHeadersInTheirOrder) {
  OwnedRecord r{"k", "v", {}, 1};
  for (int i = 0; i < 1000; ++i)
    r.headers.emplace_back("name" + std::to_string(i % 7), std::to_string(i));
  const BatchBuilder builder = built({r}, Offset(0));
  const auto batch = BatchView::parse(builder.bytes(), true);
  ASSERT_TRUE(batch);
  std::size_t at = BatchView::first_record();
  const auto record = batch->record_at(at);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->header_count, 1000U);
  EXPECT_EQ(owned(*record), r);
}

TEST(RecordBatch, FindsTheFirstHeaderOfAName) {
  const BatchBuilder builder =
      built({{"k", "v", {{"a", "1"}, {"b", "2"}, {"b", "3"}}, 1}}, Offset(0));
  const auto batch = BatchView::parse(builder.bytes(), true);
  ASSERT_TRUE(batch);
  std::size_t at = BatchView::first_record();
  const auto record = batch->record_at(at);
  ASSERT_TRUE(record);
  EXPECT_EQ(find_header(*record, "b"), "2");
  EXPECT_EQ(find_header(*record, "c"), std::nullopt);
}

TEST(RecordBatch, KeepsTimestampsAsFarApartAsTheyCanBe) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  const std::vector<OwnedRecord> records = {
      {"a", "", {}, kMax}, {"b", "", {}, kMin}, {"c", "", {}, -1}, {"d", "", {}, kMax}};
  const BatchBuilder builder = built(records, Offset(0));
  const auto batch = BatchView::parse(builder.bytes(), true);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->max_timestamp_ms(), kMax);
  std::size_t at = BatchView::first_record();
  for (const OwnedRecord& expected : records) {
    const auto record = batch->record_at(at);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->timestamp_ms, expected.timestamp_ms);
  }
}

TEST(RecordBatch, AddsAtMostWhatEncodedBytesSays) {
  Random random;
  BatchBuilder builder;
  for (int i = 0; i < 3000; ++i) {
    OwnedRecord r = random_record(random, 200);
    if (random.one_in(10))
      r.timestamp_ms = -static_cast<std::int64_t>(random.between(0, 1ULL << 62));
    const RecordInput input(r);
    const std::size_t before = builder.size();
    builder.append(input.get());
    ASSERT_LE(builder.size() - before, BatchBuilder::encoded_bytes(input.get()));
  }
}

TEST(RecordBatch, AClearedBuilderBeginsAnew) {
  BatchBuilder builder = built({{"old", "old", {}, 77}}, Offset(5));
  builder.clear();
  EXPECT_EQ(builder.records(), 0U);
  for (const OwnedRecord& r : by_hand_records()) builder.append(RecordInput(r).get());
  builder.seal(Offset(42));
  EXPECT_EQ(builder.bytes(), kByHand);
}

TEST(RecordBatch, CanBeSealedAgainWithAnotherBase) {
  BatchBuilder builder = built(by_hand_records(), Offset(7));
  builder.seal(Offset(42));
  EXPECT_EQ(builder.bytes(), kByHand);
}

TEST(RecordBatch, EveryTruncationIsRefused) {
  for (std::size_t n = 0; n < kByHand.size(); ++n) {
    const Bytes piece =
        kByHand.substr(0, n);  // its own allocation, so that a sanitizer sees its end
    const auto batch = BatchView::parse(piece, false);
    ASSERT_FALSE(batch) << n;
    EXPECT_EQ(errc_of(batch.error()), Errc::damaged) << n;
  }
  EXPECT_FALSE(BatchView::parse(kByHand + "x", false)) << "one byte too many";
}

TEST(RecordBatch, EveryFlippedBitThatTheChecksumCoversIsRefused) {
  for (std::size_t bit = 0; bit < kByHand.size() * 8; ++bit) {
    Bytes flipped = kByHand;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    // By the format, neither the base offset nor the leader epoch is under the checksum: brokers
    // set them. The block compares the base offset with its own table.
    const std::size_t byte = bit / 8;
    const bool covered = byte >= 16 || (byte >= 8 && byte < 12);
    EXPECT_EQ(BatchView::parse(flipped, true).has_value(), !covered) << "bit " << bit;
  }
}

TEST(RecordBatch, DamageThatIsNotVerifiedIsNeverReadPastTheEnd) {
  const std::size_t sound = read_all(*BatchView::parse(kByHand, false));
  EXPECT_EQ(sound, 8U);
  std::size_t parsed = 0;
  for (std::size_t bit = 0; bit < kByHand.size() * 8; ++bit) {
    Bytes flipped = kByHand;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    const auto batch = BatchView::parse(flipped, false);
    if (!batch) continue;
    ++parsed;
    EXPECT_LE(read_all(*batch), flipped.size());
  }
  EXPECT_GT(parsed, 300U);
}

TEST(RecordBatch, NoiseWithAValidChecksumIsNeverReadPastTheEnd) {
  Random random;
  for (int round = 0; round < 3000; ++round) {
    Bytes noise = kByHand;
    for (std::uint64_t n = random.between(1, 8); n > 0; --n) {
      noise[random.between(kBatchHeadBytes, noise.size() - 1)] = random.bytes(1)[0];
    }
    if (random.one_in(4)) noise.replace(27, 16, random.bytes(16));  // both timestamps
    Bytes crc;
    ByteWriter(crc).be32(crc32c(ByteView(noise).substr(21)));
    noise.replace(17, 4, crc);
    const auto batch = BatchView::parse(noise, true);
    ASSERT_TRUE(batch);
    EXPECT_LE(read_all(*batch), noise.size());
  }
}

TEST(RecordBatch, APositionBehindTheEndIsRefused) {
  const auto batch = BatchView::parse(kByHand, true);
  ASSERT_TRUE(batch);
  for (std::size_t at : {kByHand.size(), kByHand.size() + 1, std::size_t{1} << 40}) {
    std::size_t position = at;
    EXPECT_FALSE(batch->record_at(position));
    EXPECT_FALSE(batch->skip(position));
    EXPECT_EQ(position, at);
  }
}

}  // namespace
}  // namespace runnel::log
