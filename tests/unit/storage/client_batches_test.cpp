// Batches that real clients made (tests/fuzz/capture_record_batches.py): librdkafka, kafka-python,
// kafkajs, and the streams that Java's clients compress with.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "storage/log/batch_records.h"
#include "storage/log/foreign_batch.h"
#include "tests/support/batches.h"

namespace runnel::log {
namespace {

using test::owned;
using test::OwnedRecord;

struct ClientBatch {
  const char* file;
  Codec codec;
  bool idempotent = false;
  bool transactional = false;
};

std::ostream& operator<<(std::ostream& out, const ClientBatch& batch) {
  return out << batch.file;
}

Bytes contents(const char* file) {
  std::ifstream in(std::filesystem::path(RUNNEL_RECORD_BATCHES) / file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<OwnedRecord> what_was_sent(Codec codec) {
  constexpr std::int64_t kMs = 1'700'000'000'000;
  Bytes many;
  for (int i = 0; i < (codec == Codec::none ? 10 : 6400); ++i) many += "0123456789abcdef";
  Bytes every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  return {
      {"sensor-1", R"({"celsius": 21.5})", {{"unit", "C"}, {"empty", ""}}, kMs},
      {std::nullopt, "", {}, kMs + 30},
      {"", std::nullopt, {}, kMs + 10},
      {"long", many, {}, kMs + 40},
      {"bytes", every_byte, {{"h", "1"}, {"h", "2"}}, kMs + 20},
  };
}

class ClientBatches : public testing::TestWithParam<ClientBatch> {};

TEST_P(ClientBatches, AreTakenAndReadAsTheyWereSent) {
  const ClientBatch& expected = GetParam();
  Bytes batch = contents(expected.file);
  ASSERT_GT(batch.size(), kBatchHeadBytes) << "is it in the corpus?";
  const BatchVerdict verdict = check_foreign_batch(batch, {});
  ASSERT_TRUE(verdict.ok()) << describe(verdict.fault);
  EXPECT_EQ(verdict.facts.codec(), expected.codec);
  EXPECT_EQ(verdict.facts.producer_id, expected.idempotent ? 7000 : -1);
  EXPECT_EQ(verdict.facts.transactional(), expected.transactional);
  EXPECT_EQ(verdict.max_timestamp_ms, 1'700'000'000'040);
  if (expected.idempotent) {
    EXPECT_EQ(verdict.facts.producer_epoch, 3);
    EXPECT_EQ(verdict.facts.base_sequence, 0);
  }

  place_batch(batch, Offset(100), 4);
  auto records = BatchRecords::open(batch, 1 << 20);
  ASSERT_TRUE(records);
  RecordView record;
  std::int64_t offset = 100;
  for (const OwnedRecord& sent : what_was_sent(expected.codec)) {
    ASSERT_TRUE(records->next(record));
    EXPECT_EQ(record.offset.value, offset++);
    EXPECT_EQ(owned(record), sent);
  }
  EXPECT_FALSE(records->next(record));
  EXPECT_FALSE(records->damaged());
}

TEST_P(ClientBatches, WithOneBitFlippedAreRefused) {
  Bytes batch = contents(GetParam().file);
  ASSERT_GT(batch.size(), kBatchHeadBytes);
  // All bits of the head, and one of every byte after it.
  for (std::size_t byte = 0; byte < batch.size(); ++byte) {
    if (byte >= head::kLeaderEpochAt && byte < head::kMagicAt) continue;  // theirs to choose
    for (std::size_t bit = 0; bit < 8; ++bit) {
      if (byte >= kBatchHeadBytes && bit != byte % 8) continue;
      batch[byte] = static_cast<char>(batch[byte] ^ (1 << bit));
      ASSERT_FALSE(check_foreign_batch(batch, {}).ok()) << "bit " << bit << " of byte " << byte;
      batch[byte] = static_cast<char>(batch[byte] ^ (1 << bit));
    }
  }
  EXPECT_TRUE(check_foreign_batch(batch, {}).ok());
}

INSTANTIATE_TEST_SUITE_P(
    All,
    ClientBatches,
    testing::Values(
        ClientBatch{"librdkafka_none", Codec::none},
        ClientBatch{"librdkafka_gzip", Codec::gzip},
        ClientBatch{"librdkafka_snappy", Codec::snappy},
        ClientBatch{"librdkafka_lz4", Codec::lz4},
        ClientBatch{"librdkafka_zstd", Codec::zstd},
        ClientBatch{"librdkafka_idempotent", Codec::none, true},
        ClientBatch{"librdkafka_transactional", Codec::lz4, true, true},
        ClientBatch{"kafka_python_none", Codec::none},
        ClientBatch{"kafka_python_gzip", Codec::gzip},
        ClientBatch{"kafka_python_snappy", Codec::snappy},
        ClientBatch{"kafka_python_lz4", Codec::lz4},
        ClientBatch{"kafka_python_zstd", Codec::zstd},
        ClientBatch{"kafkajs_none", Codec::none},
        ClientBatch{"kafkajs_gzip", Codec::gzip},
        ClientBatch{"kafkajs_snappy", Codec::snappy},
        ClientBatch{"java_gzip", Codec::gzip},
        ClientBatch{"java_snappy", Codec::snappy},
        ClientBatch{"java_lz4", Codec::lz4},
        ClientBatch{"java_zstd3", Codec::zstd},
        ClientBatch{"java_zstd22", Codec::zstd}
    ),
    [](const auto& test) { return std::string(test.param.file); }
);

}  // namespace
}  // namespace runnel::log
