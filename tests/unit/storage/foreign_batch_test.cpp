#include "storage/log/foreign_batch.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/crc32c.h"
#include "storage/log/batch_records.h"
#include "tests/support/batches.h"
#include "tests/support/bombs.h"
#include "tests/support/heap_peak.h"

namespace runnel::log {
namespace {

using namespace std::string_literals;
using test::kCodecs;
using test::OwnedRecord;
using test::packed;
using test::produced;
using test::Random;
using test::random_record;
using test::with_field;
using test::with_payload;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kMs = 1'700'000'000'000;

// Three records: with a header, without a key, without a value.
Bytes three() {
  return produced({
      {"key", "value", {{"name", "v"}}, kMs},
      {std::nullopt, "", {}, kMs + 200},
      {"", std::nullopt, {}, kMs + 100},
  });
}

// The same with records encoded by hand.
Bytes by_hand(std::int32_t count, const Bytes& records) {
  Bytes batch = with_payload(three(), records);
  head::put<std::int32_t>(batch, head::kLastDeltaAt, count - 1);
  return with_field(batch, head::kCountAt, count);
}

BatchFault fault_of(ByteView batch, const BatchLimits& limits = {}) {
  return check_foreign_batch(batch, limits).fault;
}

// A record of 7 bytes: no key, no value, no headers.
Bytes null_record(std::int32_t delta) {
  Bytes record("\x0c\0\0"s);
  ByteWriter(record).zigzag(delta);
  return record + "\x01\x01\0"s;
}

TEST(ForeignBatch, OneThatAClientCouldHaveSentIsTaken) {
  Random random;
  for (const Codec codec : kCodecs) {
    std::vector<OwnedRecord> records(random.between(1, 80));
    for (OwnedRecord& r : records) r = random_record(random, 300);
    const BatchVerdict verdict = check_foreign_batch(packed(produced(records), codec), {});
    ASSERT_EQ(verdict.fault, BatchFault::none) << name(codec);
    EXPECT_EQ(verdict.facts.codec(), codec);
    EXPECT_EQ(verdict.facts.records, static_cast<std::int32_t>(records.size()));
    EXPECT_THAT(verdict.records, IsEmpty());
    std::int64_t max = std::numeric_limits<std::int64_t>::min();
    for (const OwnedRecord& r : records) max = std::max(max, r.timestamp_ms);
    EXPECT_EQ(verdict.max_timestamp_ms, max);
  }
}

TEST(ForeignBatch, TheFactsAreWhatTheHeadSays) {
  Bytes batch = three();
  place_batch(batch, Offset(77), 9);
  head::put<std::uint16_t>(batch, head::kAttributesAt, 0x78 | 3);
  head::put<std::int64_t>(batch, head::kProducerIdAt, 7000);
  head::put<std::int16_t>(batch, head::kProducerEpochAt, 5);
  head::put<std::int32_t>(batch, head::kBaseSequenceAt, 2'147'483'647);
  test::seal_crc(batch);
  const auto facts = read_batch_head(batch + "and more");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->base, Offset(77));
  EXPECT_EQ(facts->bytes, batch.size());
  EXPECT_EQ(facts->leader_epoch, 9);
  EXPECT_EQ(facts->crc, crc32c(ByteView(batch).substr(21)));
  EXPECT_EQ(facts->codec(), Codec::lz4);
  EXPECT_TRUE(facts->append_time());
  EXPECT_TRUE(facts->transactional());
  EXPECT_TRUE(facts->control());
  EXPECT_TRUE(facts->delete_horizon());
  EXPECT_EQ(facts->last_offset_delta, 2);
  EXPECT_EQ(facts->base_timestamp_ms, kMs);
  EXPECT_EQ(facts->max_timestamp_ms, kMs + 200);
  EXPECT_EQ(facts->producer_id, 7000);
  EXPECT_EQ(facts->producer_epoch, 5);
  EXPECT_EQ(facts->base_sequence, 2'147'483'647);
  EXPECT_EQ(facts->records, 3);
}

TEST(ForeignBatch, TheLargestTimestampMayBeBelowNought) {
  const Bytes batch = produced({{"k", "v", {}, -5}, {"k", "v", {}, -1}, {"k", "v", {}, -2}});
  EXPECT_EQ(check_foreign_batch(batch, {}).max_timestamp_ms, -1) << "-1: no timestamp";
}

TEST(ForeignBatch, EveryTruncationIsRefused) {
  const Bytes whole = three();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const Bytes piece = whole.substr(0, n);  // its own allocation, so that a sanitizer sees its end
    const BatchFault expected =
        n < kBatchHeadBytes ? BatchFault::too_short : BatchFault::length_mismatch;
    EXPECT_EQ(fault_of(piece), expected) << n;
    EXPECT_EQ(read_batch_head(piece).has_value(), n >= kBatchHeadBytes) << n;
  }
}

TEST(ForeignBatch, EveryFlippedBitButThoseOfTheLeaderEpochIsRefused) {
  for (const Codec codec : kCodecs) {
    const Bytes batch = packed(three(), codec);
    ASSERT_EQ(fault_of(batch), BatchFault::none);
    for (std::size_t bit = 0; bit < batch.size() * 8; ++bit) {
      Bytes flipped = batch;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      const std::size_t byte = bit / 8;
      const bool leader_epoch = byte >= head::kLeaderEpochAt && byte < head::kMagicAt;
      const BatchFault fault = fault_of(flipped);
      if (leader_epoch) {
        EXPECT_EQ(fault, BatchFault::none) << "bit " << bit;
      } else if (byte >= head::kCrcAt) {
        EXPECT_EQ(fault, BatchFault::wrong_crc) << "bit " << bit;
      } else {
        EXPECT_NE(fault, BatchFault::none) << "bit " << bit;
      }
    }
  }
}

TEST(ForeignBatch, MessageSetsOfOlderFormatsAreNamedAsSuch) {
  for (const int magic : {0, 1, 3, -1}) {
    Bytes batch = three();
    head::put(batch, head::kMagicAt, static_cast<std::int8_t>(magic));
    EXPECT_EQ(fault_of(batch), BatchFault::wrong_magic);
    EXPECT_EQ(fault_of(batch.substr(0, 30)), BatchFault::wrong_magic) << "shorter than our head";
    EXPECT_FALSE(read_batch_head(batch));
  }
}

TEST(ForeignBatch, LengthsThatAreNotWhatCameAreRefused) {
  const Bytes batch = three();
  for (const std::int32_t length :
       {-1,
        0,
        48,
        std::numeric_limits<std::int32_t>::max(),
        std::numeric_limits<std::int32_t>::min()}) {
    EXPECT_EQ(fault_of(with_field(batch, head::kLengthAt, length)), BatchFault::length_mismatch);
  }
  EXPECT_EQ(fault_of(batch + "x"), BatchFault::not_alone);
  EXPECT_EQ(fault_of(batch + batch), BatchFault::not_alone);
}

TEST(ForeignBatch, MaxMessageBytesHoldsToTheByte) {
  const Bytes batch = three();
  BatchLimits limits;
  limits.batch_bytes_max = batch.size();
  EXPECT_EQ(fault_of(batch, limits), BatchFault::none);
  limits.batch_bytes_max = batch.size() - 1;
  EXPECT_EQ(fault_of(batch, limits), BatchFault::too_large);
}

TEST(ForeignBatch, AHeadThatNoProducerMayWriteIsRefused) {
  const Bytes batch = three();
  const auto attributes = [&](std::uint16_t bits) {
    return fault_of(with_field(batch, head::kAttributesAt, bits));
  };
  for (const int codec : {5, 6, 7}) {
    EXPECT_EQ(attributes(static_cast<std::uint16_t>(codec)), BatchFault::bad_codec);
  }
  EXPECT_EQ(attributes(0x08), BatchFault::append_time);
  EXPECT_EQ(attributes(0x20), BatchFault::control);
  EXPECT_EQ(attributes(0x30), BatchFault::control);
  EXPECT_EQ(attributes(0x10), BatchFault::bad_producer) << "transactional, but of no producer";
  for (const std::int64_t base : {std::int64_t{1}, std::int64_t{-1}, std::int64_t{1} << 62}) {
    Bytes moved = batch;
    place_batch(moved, Offset(base), -1);
    EXPECT_EQ(fault_of(moved), BatchFault::wrong_base_offset);
  }
}

TEST(ForeignBatch, TheLeaderEpochIsTheClientsOwnAffair) {
  for (const std::int32_t epoch : {-1, 0, 1, std::numeric_limits<std::int32_t>::max()}) {
    Bytes batch = three();
    place_batch(batch, Offset(0), epoch);
    EXPECT_EQ(fault_of(batch), BatchFault::none);
  }
}

TEST(ForeignBatch, AProducerIdNeedsAnEpochAndASequence) {
  const auto stamped = [](std::int64_t id, std::int16_t epoch, std::int32_t sequence) {
    Bytes batch = three();
    head::put<std::int64_t>(batch, head::kProducerIdAt, id);
    head::put<std::int16_t>(batch, head::kProducerEpochAt, epoch);
    return fault_of(with_field(batch, head::kBaseSequenceAt, sequence));
  };
  EXPECT_EQ(stamped(0, 0, 0), BatchFault::none);
  EXPECT_EQ(stamped(-1, 0, 0), BatchFault::none) << "as kafkajs sends what is not idempotent";
  EXPECT_EQ(stamped(7, -1, 0), BatchFault::bad_producer);
  EXPECT_EQ(stamped(7, 0, -1), BatchFault::bad_producer);
  EXPECT_EQ(stamped(-2, 0, 0), BatchFault::bad_producer);
}

TEST(ForeignBatch, CountsAreNotBelieved) {
  for (const Codec codec : kCodecs) {
    const auto with_count = [&](std::int32_t count, std::int32_t last_delta) {
      Bytes batch = packed(three(), codec);
      head::put<std::int32_t>(batch, head::kLastDeltaAt, last_delta);
      return fault_of(with_field(batch, head::kCountAt, count));
    };
    constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
    constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
    EXPECT_EQ(with_count(3, 1), BatchFault::wrong_count);
    EXPECT_EQ(with_count(2, 2), BatchFault::wrong_count);
    EXPECT_EQ(with_count(0, -1), BatchFault::wrong_count) << "no records";
    EXPECT_EQ(with_count(-1, -2), BatchFault::wrong_count);
    EXPECT_EQ(with_count(kMin, kMax), BatchFault::wrong_count);
    EXPECT_EQ(with_count(4, 3), BatchFault::records_missing);
    const test::HeapPeak heap;
    EXPECT_EQ(with_count(kMax, kMax - 1), BatchFault::records_missing);
    EXPECT_LT(heap.bytes(), std::size_t{20} << 20) << "two billion records were claimed";
    EXPECT_EQ(with_count(2, 1), BatchFault::bytes_left_over);
  }
}

TEST(ForeignBatch, OffsetsCountFromNought) {
  EXPECT_EQ(
      fault_of(by_hand(3, null_record(0) + null_record(1) + null_record(2))), BatchFault::none
  );
  for (const auto& deltas : std::vector<std::vector<std::int32_t>>{
           {1, 2, 3}, {0, 0, 1}, {0, 2, 1}, {0, 1, 3}, {0, -1, -2}}) {
    Bytes records;
    std::int32_t first_wrong = -1;
    for (std::int32_t i = 0; i < 3; ++i) {
      const std::int32_t delta = deltas[static_cast<std::size_t>(i)];
      records += null_record(delta);
      if (first_wrong < 0 && delta != i) first_wrong = i;
    }
    const BatchVerdict verdict = check_foreign_batch(by_hand(3, records), {});
    EXPECT_EQ(verdict.fault, BatchFault::wrong_offset_delta);
    EXPECT_THAT(verdict.records, ElementsAre(first_wrong));
  }
}

TEST(ForeignBatch, AMalformedRecordIsNamed) {
  const Bytes good = null_record(0);

  const struct {
    const char* what;
    Bytes record;
  } cases[] = {
      {"a negative length", "\x01"s},
      {"a length beyond the end", "\x7e\0\0\x02\x01\x01\0"s},
      {"an empty record", "\0"s},
      {"a length of 5 bytes that holds more than 32 bits",
       "\x8c\x80\x80\x80\x10\0\0\x02\x01\x01\0"s},
      {"a length in more bytes than an i32 has", "\x8c\x80\x80\x80\x80\0\0\0\x02\x01\x01\0"s},
      {"a record that is shorter than its fields", "\x0a\0\0\x02\x01\x01\0"s},
      {"a record that is longer than its fields", "\x0e\0\0\x02\x01\x01\0\0"s},
      {"a key of length -2", "\x0c\0\0\x02\x03\x01\0"s},
      {"a key beyond the end", "\x0c\0\0\x02\x04\x01\0"s},
      {"a value of length -2", "\x0c\0\0\x02\x01\x03\0"s},
      {"a value of two thousand million", "\x14\0\0\x02\x01\xfe\xff\xff\xff\x0f\0"s},
      {"-1 headers", "\x0c\0\0\x02\x01\x01\x01"s},
      {"two thousand million headers", "\x14\0\0\x02\x01\x01\xfe\xff\xff\xff\x0f"s},
      {"a header that is not there", "\x0c\0\0\x02\x01\x01\x02"s},
      {"a header without a name", "\x10\0\0\x02\x01\x01\x02\x01\0"s},
      {"a header whose value has length -2", "\x10\0\0\x02\x01\x01\x02\0\x03"s},
      {"a timestamp of 11 bytes",
       "\x20\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0\x02\x01\x01\0"s},
  };

  for (const auto& c : cases) {
    const Bytes plain = by_hand(2, good + c.record);
    for (const Codec codec : kCodecs) {
      const BatchVerdict verdict = check_foreign_batch(packed(plain, codec), {});
      EXPECT_EQ(verdict.fault, BatchFault::record_malformed) << c.what;
      EXPECT_THAT(verdict.records, ElementsAre(1)) << c.what;
    }
  }
  const Bytes null_header_value = "\x10\0\0\x02\x01\x01\x02\0\x01"s;
  EXPECT_EQ(fault_of(by_hand(2, good + null_header_value)), BatchFault::none);
}

TEST(ForeignBatch, ACompactedTopicNamesEveryRecordWithoutAKey) {
  std::vector<OwnedRecord> records(10, OwnedRecord{"k", "v", {}, kMs});
  for (const std::size_t i : std::initializer_list<std::size_t>{0, 4, 9}) records[i].key.reset();
  records[5].key = "";  // empty is a key
  BatchLimits limits;
  for (const Codec codec : kCodecs) {
    const Bytes batch = packed(produced(records), codec);
    limits.keys_required = true;
    const BatchVerdict verdict = check_foreign_batch(batch, limits);
    EXPECT_EQ(verdict.fault, BatchFault::key_missing);
    EXPECT_THAT(verdict.records, ElementsAre(0, 4, 9));
    limits.keys_required = false;
    EXPECT_EQ(fault_of(batch, limits), BatchFault::none);
  }
}

TEST(ForeignBatch, WhatCannotBeDecompressedIsRefused) {
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const Bytes batch = packed(three(), codec);
    const Bytes payload = batch.substr(kBatchHeadBytes);
    for (const Bytes& broken : {Bytes(), payload.substr(0, payload.size() - 1), payload + "x"}) {
      EXPECT_EQ(fault_of(test::with_stream(batch, codec, broken)), BatchFault::not_decompressible)
          << name(codec);
    }
    BatchLimits limits;
    limits.records_bytes_max = three().size() - kBatchHeadBytes;
    EXPECT_EQ(fault_of(batch, limits), BatchFault::none);
    --limits.records_bytes_max;
    EXPECT_EQ(fault_of(batch, limits), BatchFault::inner_too_large);
  }
}

TEST(ForeignBatch, BombsAreRefusedWithinBoundedMemory) {
  const struct {
    Codec codec;
    Bytes (*bomb)(std::size_t mebibytes);
  } cases[] = {
      {Codec::gzip, test::gzip_bomb},
      {Codec::snappy, test::snappy_bomb},
      {Codec::snappy, test::xerial_bomb},
      {Codec::lz4, test::lz4_bomb},
      {Codec::zstd, test::zstd_bomb},
  };

  for (const auto& c : cases) {
    const Bytes batch = test::with_stream(three(), c.codec, c.bomb(64));
    BatchLimits limits;
    limits.batch_bytes_max = batch.size();
    limits.records_bytes_max = 4 << 20;
    const test::HeapPeak heap;
    EXPECT_EQ(fault_of(batch, limits), BatchFault::inner_too_large) << name(c.codec);
    EXPECT_LT(heap.bytes(), std::size_t{17} << 20) << name(c.codec);
  }
}

TEST(ForeignBatch, WhatABatchMayUnpackToIsBoundedByItsTopic) {
  EXPECT_EQ(records_bytes_max(1000), 64'000U);
  EXPECT_EQ(records_bytes_max(512 << 10), std::size_t{32} << 20);
  EXPECT_EQ(records_bytes_max(1 << 20), std::size_t{32} << 20);
  EXPECT_EQ(records_bytes_max(48 << 20), std::size_t{48} << 20) << "never less than the batch";
  constexpr auto kMax = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(records_bytes_max(kMax), kMax);
}

TEST(ForeignBatch, NoiseWithAValidChecksumIsJudgedAsItIsRead) {
  Random random;
  std::size_t taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    const Codec codec = random.one_in(2) ? Codec::none : kCodecs[random.between(1, 4)];
    Bytes batch = three();
    for (std::uint64_t n = random.between(0, 3); n > 0; --n) {
      batch[random.between(kBatchHeadBytes, batch.size() - 1)] = random.bytes(1)[0];
    }
    batch = packed(batch, codec);
    const BatchVerdict verdict = check_foreign_batch(batch, {});
    if (!verdict.ok()) {
      EXPECT_FALSE(describe(verdict.fault).empty());
      continue;
    }
    ++taken;
    auto records = BatchRecords::open(batch, 1 << 20);
    ASSERT_TRUE(records);
    RecordView record;
    std::int64_t offset = 0;
    std::int64_t max = std::numeric_limits<std::int64_t>::min();
    while (records->next(record)) {
      EXPECT_EQ(record.offset.value, offset++);
      max = std::max(max, record.timestamp_ms);
    }
    EXPECT_FALSE(records->damaged());
    EXPECT_EQ(offset, 3);
    EXPECT_EQ(max, verdict.max_timestamp_ms);
  }
  EXPECT_GT(taken, 5000U);
  EXPECT_LT(taken, 19'000U);
}

TEST(ForeignBatch, PlacingOneLeavesItsChecksumRight) {
  for (const Codec codec : kCodecs) {
    Bytes batch = packed(three(), codec);
    place_batch(batch, Offset(1'000'000'007), 12);
    EXPECT_TRUE(BatchView::parse(batch, true));
    const auto records = BatchRecords::open(batch, 1000);
    ASSERT_TRUE(records);
    EXPECT_EQ(records->facts().leader_epoch, 12);
    std::size_t at = 0;
    EXPECT_EQ(records->record_at(at)->offset, Offset(1'000'000'007));
    EXPECT_EQ(records->record_at(at)->offset, Offset(1'000'000'008));
  }
}

TEST(ForeignBatch, AppendTimeIsTheTimeOfEveryRecord) {
  for (const Codec codec : kCodecs) {
    Bytes batch = packed(three(), codec);
    stamp_append_time(batch, kMs + 5000);
    EXPECT_TRUE(BatchView::parse(batch, true)) << "the checksum covers attributes and time";
    auto records = BatchRecords::open(batch, 1000);
    ASSERT_TRUE(records);
    EXPECT_EQ(records->facts().codec(), codec);
    EXPECT_TRUE(records->facts().append_time());
    EXPECT_EQ(records->facts().base_timestamp_ms, kMs) << "consumers look at the largest alone";
    RecordView record;
    while (records->next(record)) EXPECT_EQ(record.timestamp_ms, kMs + 5000);
  }
}

TEST(ForeignBatch, AHeadWithAnotherLargestTimeIsPutRight) {
  const Bytes right = three();
  Bytes batch = with_field(right, head::kMaxTimestampAt, kMs + 999'999);
  const BatchVerdict verdict = check_foreign_batch(batch, {});
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict.facts.max_timestamp_ms, kMs + 999'999);
  EXPECT_EQ(verdict.max_timestamp_ms, kMs + 200);
  correct_max_timestamp(batch, verdict.max_timestamp_ms);
  EXPECT_EQ(batch, right);
  correct_max_timestamp(batch, verdict.max_timestamp_ms);
  EXPECT_EQ(batch, right);
}

}  // namespace
}  // namespace runnel::log
