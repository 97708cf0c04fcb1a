#include "storage/log/control_batch.h"

#include "storage/log/batch_head.h"
#include "storage/log/batch_records.h"
#include "storage/log/record_batch.h"

namespace runnel::log {
namespace {

constexpr std::uint16_t kAttributes = head::kControlBit | head::kTransactionalBit;

constexpr std::uint16_t kVersion = 0;
constexpr std::uint16_t kAbort = 0;
constexpr std::uint16_t kCommit = 1;

// A marker is a few dozen bytes; Kafka never compresses one.
constexpr std::size_t kMarkerBytesMax = 1024;

}  // namespace

Bytes control_batch(Offset base, const TransactionMarker& marker) {
  Bytes key;
  ByteWriter key_writer(key);
  key_writer.be16(kVersion);
  key_writer.be16(marker.commit ? kCommit : kAbort);
  Bytes value;
  ByteWriter value_writer(value);
  value_writer.be16(kVersion);
  value_writer.be32(static_cast<std::uint32_t>(marker.coordinator_epoch));

  BatchBuilder builder;
  NewRecord record;
  record.key = key;
  record.value = value;
  record.timestamp_ms = marker.timestamp_ms;
  builder.append(record);
  builder.seal(base);
  Bytes batch(builder.bytes());
  head::put<std::uint16_t>(batch, head::kAttributesAt, kAttributes);
  head::put<std::int64_t>(batch, head::kProducerIdAt, marker.producer_id);
  head::put<std::int16_t>(batch, head::kProducerEpochAt, marker.producer_epoch);
  head::put<std::uint32_t>(batch, head::kCrcAt, batch_crc(batch));
  return batch;
}

bool is_control(ByteView batch) {
  const Result<BatchFacts> facts = read_batch_head(batch);
  return facts && facts->control();
}

Result<TransactionMarker> read_marker(ByteView batch) {
  if (!is_control(batch)) return Errc::invalid_argument;
  Result<BatchRecords> records = BatchRecords::open(batch, kMarkerBytesMax);
  if (!records) return Errc::damaged;
  RecordView record;
  if (!records->next(record) || !record.key || !record.value) return Errc::damaged;
  ByteReader key(*record.key);
  key.be16();
  const std::uint16_t type = key.be16();
  if (!key.ok()) return Errc::damaged;
  if (type != kAbort && type != kCommit) return Errc::invalid_argument;
  ByteReader value(*record.value);
  value.be16();
  TransactionMarker marker;
  marker.coordinator_epoch = static_cast<std::int32_t>(value.be32());
  if (!value.ok()) return Errc::damaged;
  marker.producer_id = records->facts().producer_id;
  marker.producer_epoch = records->facts().producer_epoch;
  marker.commit = type == kCommit;
  marker.timestamp_ms = record.timestamp_ms;
  return marker;
}

}  // namespace runnel::log
