#include "storage/log/foreign_batch.h"

#include <algorithm>

#include "storage/log/record_fields.h"

namespace runnel::log {
namespace {

ByteView view(std::span<char> batch) {
  return {batch.data(), batch.size()};
}

void seal_again(std::span<char> batch) {
  head::put<std::uint32_t>(batch, head::kCrcAt, batch_crc(view(batch)));
}

// Everything that can be said without the records; what fits the head's shape first.
BatchFault check_shape(ByteView batch, const BatchLimits& limits, BatchFacts& facts) {
  // Message sets of formats 0 and 1 have their magic in the same place, and may be shorter.
  if (batch.size() <= head::kMagicAt) return BatchFault::too_short;
  if (head::get<std::int8_t>(batch, head::kMagicAt) != head::kMagic) return BatchFault::wrong_magic;
  if (batch.size() < head::kBytes) return BatchFault::too_short;
  const Result<BatchFacts> read = read_batch_head(batch);
  if (!read || read->bytes > batch.size()) return BatchFault::length_mismatch;
  if (read->bytes < batch.size()) return BatchFault::not_alone;
  if (batch.size() > limits.batch_bytes_max) return BatchFault::too_large;
  if (read->crc != batch_crc(batch)) return BatchFault::wrong_crc;
  facts = *read;
  return BatchFault::none;
}

BatchFault check_facts(const BatchFacts& facts) {
  if (!known(facts.codec())) return BatchFault::bad_codec;
  if (facts.records <= 0 || facts.last_offset_delta != facts.records - 1) {
    return BatchFault::wrong_count;
  }
  if (facts.base != Offset(0)) return BatchFault::wrong_base_offset;
  if (facts.control()) return BatchFault::control;
  if (facts.append_time()) return BatchFault::append_time;
  const bool idempotent = facts.producer_id != -1;
  if (idempotent &&
      (facts.producer_id < 0 || facts.producer_epoch < 0 || facts.base_sequence < 0)) {
    return BatchFault::bad_producer;
  }
  if (facts.transactional() && !idempotent) return BatchFault::bad_producer;
  return BatchFault::none;
}

// Walks the records; `verdict.facts` is set.
void check_records(ByteView records, const BatchLimits& limits, BatchVerdict& verdict) {
  ByteReader reader(records);
  const BatchFacts& facts = verdict.facts;
  std::vector<std::int32_t> keyless;
  for (std::int32_t i = 0; i < facts.records; ++i) {
    if (reader.done()) {
      verdict.fault = BatchFault::records_missing;
      return;
    }
    RecordFields record;
    const bool malformed = take_record(reader, record) != RecordFault::none;
    if (malformed || record.offset_delta != i) {
      verdict.fault = malformed ? BatchFault::record_malformed : BatchFault::wrong_offset_delta;
      verdict.records = {i};
      return;
    }
    if (limits.keys_required && record.key) {
      verdict.growth.add(*record.key, record.headers.size(), record.value);
    } else if (limits.keys_required) {
      keyless.push_back(i);
    }
    const std::int64_t at = record_time(facts, record);
    verdict.max_timestamp_ms = i == 0 ? at : std::max(verdict.max_timestamp_ms, at);
  }
  if (!reader.done()) {
    verdict.fault = BatchFault::bytes_left_over;
  } else if (!keyless.empty()) {
    verdict.fault = BatchFault::key_missing;
    verdict.records = std::move(keyless);
  }
}

}  // namespace

std::string_view describe(BatchFault fault) {
  switch (fault) {
    case BatchFault::none:
      return "";
    case BatchFault::too_short:
      return "The bytes are fewer than the head of a record batch.";
    case BatchFault::wrong_magic:
      return "The records are not of format version 2.";
    case BatchFault::length_mismatch:
      return "The batch is not as long as its head says.";
    case BatchFault::not_alone:
      return "More than one record batch was sent for the partition.";
    case BatchFault::too_large:
      return "The batch is larger than max.message.bytes.";
    case BatchFault::wrong_crc:
      return "The checksum of the batch does not match.";
    case BatchFault::bad_codec:
      return "The batch is compressed with an unknown codec.";
    case BatchFault::wrong_count:
      return "The count of records and the last offset disagree.";
    case BatchFault::wrong_base_offset:
      return "The base offset of the batch is not 0.";
    case BatchFault::control:
      return "A producer may not write control batches.";
    case BatchFault::append_time:
      return "A producer may not set the timestamp type LogAppendTime.";
    case BatchFault::bad_producer:
      return "Producer id, epoch and sequence make no sense together.";
    case BatchFault::not_decompressible:
      return "The records cannot be decompressed.";
    case BatchFault::inner_too_large:
      return "The records are too large when decompressed.";
    case BatchFault::records_missing:
      return "The batch has fewer records than its head says.";
    case BatchFault::record_malformed:
      return "A record of the batch is malformed.";
    case BatchFault::wrong_offset_delta:
      return "The offsets inside the batch are not 0, 1, 2, ...";
    case BatchFault::bytes_left_over:
      return "The batch goes on after its last record.";
    case BatchFault::key_missing:
      return "A compacted topic does not take records without a key.";
  }
  return "";
}

std::size_t records_bytes_max(std::size_t batch_bytes_max) {
  constexpr std::size_t kExpansionMax = 64;
  constexpr std::size_t kCap = BatchLimits{}.records_bytes_max;
  if (batch_bytes_max < kCap / kExpansionMax) return batch_bytes_max * kExpansionMax;
  return std::max(batch_bytes_max, kCap);
}

BatchVerdict check_foreign_batch(ByteView batch, const BatchLimits& limits) {
  BatchVerdict verdict;
  verdict.fault = check_shape(batch, limits, verdict.facts);
  if (verdict.ok()) verdict.fault = check_facts(verdict.facts);
  if (!verdict.ok()) return verdict;
  const ByteView payload = batch.substr(head::kBytes);
  if (verdict.facts.codec() == Codec::none) {
    check_records(payload, limits, verdict);
    return verdict;
  }
  const Result<Bytes> records =
      decompress(verdict.facts.codec(), payload, limits.records_bytes_max);
  if (records) {
    check_records(*records, limits, verdict);
  } else {
    verdict.fault = errc_of(records.error()) == Errc::too_large ? BatchFault::inner_too_large
                                                                : BatchFault::not_decompressible;
  }
  return verdict;
}

void place_batch(std::span<char> batch, Offset base, std::int32_t leader_epoch) {
  RUNNEL_CHECK(batch.size() >= head::kBytes);
  head::put<std::int64_t>(batch, head::kBaseOffsetAt, base.value);
  head::put<std::int32_t>(batch, head::kLeaderEpochAt, leader_epoch);
}

void stamp_append_time(std::span<char> batch, std::int64_t ms) {
  RUNNEL_CHECK(batch.size() >= head::kBytes);
  const int attributes = head::get<std::uint16_t>(view(batch), head::kAttributesAt);
  head::put(
      batch, head::kAttributesAt, static_cast<std::uint16_t>(attributes | head::kAppendTimeBit)
  );
  head::put<std::int64_t>(batch, head::kMaxTimestampAt, ms);
  seal_again(batch);
}

void correct_max_timestamp(std::span<char> batch, std::int64_t ms) {
  RUNNEL_CHECK(batch.size() >= head::kBytes);
  if (head::get<std::int64_t>(view(batch), head::kMaxTimestampAt) == ms) return;
  head::put<std::int64_t>(batch, head::kMaxTimestampAt, ms);
  seal_again(batch);
}

}  // namespace runnel::log
