#include "storage/log/batch_records.h"

#include <limits>

#include <gtest/gtest.h>

#include "storage/log/foreign_batch.h"
#include "tests/support/batches.h"

namespace runnel::log {
namespace {

using namespace std::string_literals;
using test::kCodecs;
using test::owned;
using test::OwnedRecord;
using test::packed;
using test::produced;
using test::Random;
using test::random_record;
using test::with_field;

constexpr std::size_t kLimit = 1 << 20;

std::vector<OwnedRecord> some_records(std::size_t count) {
  Random random;
  std::vector<OwnedRecord> records(count);
  for (OwnedRecord& r : records) r = random_record(random, 200);
  return records;
}

TEST(BatchRecords, YieldEveryRecordWhateverTheCodec) {
  const std::vector<OwnedRecord> expected = some_records(100);
  for (const Codec codec : kCodecs) {
    Bytes batch = packed(produced(expected), codec);
    place_batch(batch, Offset(5000), 1);
    auto records = BatchRecords::open(batch, kLimit);
    ASSERT_TRUE(records) << name(codec);
    for (int round = 0; round < 2; ++round) {
      RecordView record;
      std::size_t i = 0;
      while (records->next(record)) {
        ASSERT_LT(i, expected.size());
        ASSERT_EQ(record.offset.value, 5000 + static_cast<std::int64_t>(i));
        ASSERT_EQ(owned(record), expected[i]);
        ++i;
      }
      EXPECT_EQ(i, expected.size());
      EXPECT_FALSE(records->damaged());
      EXPECT_FALSE(records->next(record)) << "none after the last one";
      records->rewind();
    }
  }
}

TEST(BatchRecords, CanBeReadFromAnyPlaceThatWasSeen) {
  const std::vector<OwnedRecord> expected = some_records(50);
  for (const Codec codec : kCodecs) {
    const Bytes batch = packed(produced(expected), codec);
    const auto records = BatchRecords::open(batch, kLimit);
    ASSERT_TRUE(records);
    std::vector<std::size_t> places;
    for (std::size_t at = 0; at < records->records().size();) {
      places.push_back(at);
      ASSERT_TRUE(records->record_at(at));
    }
    ASSERT_EQ(places.size(), expected.size());
    for (std::size_t i = places.size(); i-- > 0;) {
      std::size_t at = places[i];
      EXPECT_EQ(owned(*records->record_at(at)), expected[i]);
    }
    for (std::size_t at :
         {records->records().size(),
          records->records().size() + 1,
          std::numeric_limits<std::size_t>::max()}) {
      EXPECT_FALSE(records->record_at(at));
    }
  }
}

TEST(BatchRecords, SurviveBeingMoved) {
  const Bytes batch = packed(produced({{"k", "v", {}, 7}}), Codec::zstd);
  auto records = BatchRecords::open(batch, kLimit);
  ASSERT_TRUE(records);
  BatchRecords moved = std::move(*records);
  RecordView record;
  ASSERT_TRUE(moved.next(record));
  EXPECT_EQ(owned(record), (OwnedRecord{"k", "v", {}, 7}));
}

TEST(BatchRecords, OfABatchThatCompactionThinnedOutKeepTheirOffsets) {
  // Records 1 and 4 of five are left; the head still says how far the offsets go.
  Bytes batch = test::with_payload(
      produced({{"k", "v", {}, 7}}), "\x0c\0\0\x02\x01\x01\0\x0c\0\0\x08\x01\x01\0"s
  );
  head::put<std::int32_t>(batch, head::kLastDeltaAt, 4);
  batch = with_field<std::int32_t>(batch, head::kCountAt, 2);
  for (const Codec codec : kCodecs) {
    Bytes thin = packed(batch, codec);
    place_batch(thin, Offset(10), 0);
    auto records = BatchRecords::open(thin, kLimit);
    ASSERT_TRUE(records);
    RecordView record;
    ASSERT_TRUE(records->next(record));
    EXPECT_EQ(record.offset, Offset(11));
    ASSERT_TRUE(records->next(record));
    EXPECT_EQ(record.offset, Offset(14));
    EXPECT_FALSE(records->next(record));
    EXPECT_FALSE(records->damaged());
  }
}

TEST(BatchRecords, OfABatchThatCompactionEmptiedAreNone) {
  for (const Codec codec : kCodecs) {
    Bytes batch = test::with_stream(produced({{"k", "v", {}, 7}}), codec, "");
    batch = with_field<std::int32_t>(batch, head::kCountAt, 0);
    auto records = BatchRecords::open(batch, kLimit);
    ASSERT_TRUE(records);
    RecordView record;
    EXPECT_FALSE(records->next(record));
    EXPECT_FALSE(records->damaged());
  }
}

TEST(BatchRecords, ThatEndTooEarlyAreDamaged) {
  for (const Codec codec : kCodecs) {
    const Bytes whole = packed(produced(some_records(3)), codec);
    const Bytes batch = with_field<std::int32_t>(whole, head::kCountAt, 4);
    auto records = BatchRecords::open(batch, kLimit);
    ASSERT_TRUE(records);
    RecordView record;
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(records->next(record));
    EXPECT_FALSE(records->next(record));
    EXPECT_TRUE(records->damaged());
    EXPECT_FALSE(records->next(record));
    records->rewind();
    EXPECT_FALSE(records->damaged());
    EXPECT_TRUE(records->next(record));
  }
}

TEST(BatchRecords, OfWhatIsNoBatchCannotBeOpened) {
  const Bytes batch = produced(some_records(3));
  const auto errc = [](const Bytes& bytes, std::size_t limit) {
    const auto records = BatchRecords::open(bytes, limit);
    return records ? Errc::ok : errc_of(records.error());
  };
  EXPECT_EQ(errc(batch, 0), Errc::ok) << "the limit is for what is unpacked";
  EXPECT_EQ(errc("", kLimit), Errc::damaged);
  EXPECT_EQ(errc(batch.substr(0, 60), kLimit), Errc::damaged);
  EXPECT_EQ(errc(batch + "x", kLimit), Errc::damaged);
  EXPECT_EQ(errc(with_field<std::int32_t>(batch, head::kCountAt, -1), kLimit), Errc::damaged);
  EXPECT_EQ(errc(with_field<std::uint16_t>(batch, head::kAttributesAt, 5), kLimit), Errc::damaged);
  EXPECT_EQ(errc(with_field<std::uint16_t>(batch, head::kAttributesAt, 1), kLimit), Errc::damaged);
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const std::size_t unpacked = batch.size() - kBatchHeadBytes;
    EXPECT_EQ(errc(packed(batch, codec), unpacked), Errc::ok);
    EXPECT_EQ(errc(packed(batch, codec), unpacked - 1), Errc::too_large);
  }
}

TEST(BatchRecords, TimestampsAsFarApartAsTheyCanBeWrapBack) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  const std::vector<OwnedRecord> expected = {
      {"a", "", {}, kMax}, {"b", "", {}, kMin}, {"c", "", {}, -1}, {"d", "", {}, kMax}};
  const Bytes batch = packed(produced(expected), Codec::gzip);
  EXPECT_EQ(check_foreign_batch(batch, {}).max_timestamp_ms, kMax);
  auto records = BatchRecords::open(batch, kLimit);
  ASSERT_TRUE(records);
  RecordView record;
  for (const OwnedRecord& e : expected) {
    ASSERT_TRUE(records->next(record));
    EXPECT_EQ(record.timestamp_ms, e.timestamp_ms);
  }
}

}  // namespace
}  // namespace runnel::log
