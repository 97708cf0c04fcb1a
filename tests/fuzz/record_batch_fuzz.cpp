// Any bytes as a record batch that a Kafka producer sent. They are judged as they come, and again
// with length, magic and checksum put right, so that the inside is reached; and when they are not
// compressed, once more as each codec packs them, which must not change the verdict. What is taken
// must be read by the same rules, and what is refused must not be read beyond any end.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "storage/base/error.h"
#include "storage/log/batch_records.h"
#include "storage/log/control_batch.h"
#include "storage/log/foreign_batch.h"

namespace {

using namespace runnel;
using namespace runnel::log;

constexpr std::size_t kRecordsBytesMax = 256 * 1024;

void put_right(Bytes& batch) {
  head::put<std::int8_t>(batch, head::kMagicAt, head::kMagic);
  head::put<std::int32_t>(
      batch, head::kLengthAt, static_cast<std::int32_t>(batch.size() - head::kAfterLength)
  );
  head::put<std::uint32_t>(batch, head::kCrcAt, batch_crc(batch));
}

struct Seen {
  std::int64_t records = 0;
  std::int64_t max_timestamp_ms = std::numeric_limits<std::int64_t>::min();
  std::size_t keyless = 0;
};

Seen read_all(BatchRecords& records) {
  Seen seen;
  RecordView record;
  while (records.next(record)) {
    ++seen.records;
    seen.max_timestamp_ms = std::max(seen.max_timestamp_ms, record.timestamp_ms);
    if (!record.key) ++seen.keyless;
    HeaderReader headers(record);
    std::uint32_t count = 0;
    for (Header h; headers.next(h);) ++count;
    RUNNEL_CHECK(count == record.header_count);
  }
  return seen;
}

void read_what_was_taken(Bytes batch, const BatchVerdict& verdict, bool keys_required) {
  place_batch(batch, Offset(1000), 7);
  RUNNEL_CHECK(BatchView::parse(batch, true).has_value());
  auto records = BatchRecords::open(batch, kRecordsBytesMax);
  RUNNEL_CHECK(records.has_value());
  const Seen seen = read_all(*records);
  RUNNEL_CHECK(!records->damaged());
  RUNNEL_CHECK(seen.records == verdict.facts.records);
  RUNNEL_CHECK(seen.max_timestamp_ms == verdict.max_timestamp_ms);
  RUNNEL_CHECK(!keys_required || seen.keyless == 0);
  stamp_append_time(batch, 12345);
  RUNNEL_CHECK(BatchView::parse(batch, true).has_value());
  records = BatchRecords::open(batch, kRecordsBytesMax);
  RUNNEL_CHECK(records.has_value() && read_all(*records).max_timestamp_ms == 12345);
}

void read_what_was_refused(const Bytes& batch, const BatchVerdict& verdict) {
  RUNNEL_CHECK(!describe(verdict.fault).empty());
  auto records = BatchRecords::open(batch, kRecordsBytesMax);
  if (!records) return;
  RUNNEL_CHECK(verdict.fault != BatchFault::not_decompressible);
  RUNNEL_CHECK(verdict.fault != BatchFault::inner_too_large);
  const Seen seen = read_all(*records);
  const bool cut =
      verdict.fault == BatchFault::record_malformed || verdict.fault == BatchFault::records_missing;
  RUNNEL_CHECK(!cut || records->damaged());
  if (verdict.fault == BatchFault::key_missing) {
    RUNNEL_CHECK(!records->damaged() && seen.keyless == verdict.records.size());
  }
}

BatchVerdict judge(const Bytes& batch, bool keys_required) {
  BatchLimits limits;
  limits.records_bytes_max = kRecordsBytesMax;
  limits.keys_required = keys_required;
  BatchVerdict verdict = check_foreign_batch(batch, limits);
  if (verdict.ok()) {
    read_what_was_taken(batch, verdict, keys_required);
  } else {
    read_what_was_refused(batch, verdict);
  }
  return verdict;
}

// `batch` is uncompressed, and has been judged.
void judge_packed(const Bytes& batch, const BatchVerdict& plain, bool keys_required) {
  const ByteView records = ByteView(batch).substr(head::kBytes);
  if (records.size() > kRecordsBytesMax) return;
  const auto choice = static_cast<std::uint8_t>(batch[head::kLeaderEpochAt]);
  const auto codec = static_cast<std::uint16_t>(1 + choice % 4);
  Bytes packed = batch.substr(0, head::kBytes) + compress(static_cast<Codec>(codec), records);
  const auto attributes = head::get<std::uint16_t>(packed, head::kAttributesAt);
  head::put(packed, head::kAttributesAt, static_cast<std::uint16_t>(attributes | codec));
  put_right(packed);
  const BatchVerdict verdict = judge(packed, keys_required);
  RUNNEL_CHECK(verdict.fault == plain.fault && verdict.records == plain.records);
}

void read_as_marker(const Bytes& batch) {
  const auto marker = read_marker(batch);
  if (!marker) return;
  const auto again = read_marker(control_batch(Offset(3), *marker));
  RUNNEL_CHECK(again && *again == *marker);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes batch(reinterpret_cast<const char*>(data), size);
  batch.shrink_to_fit();  // so that the address sanitizer guards its end
  const bool keys_required = size % 2 == 1;
  judge(batch, keys_required);
  if (size < head::kBytes) return 0;
  put_right(batch);
  const BatchVerdict verdict = judge(batch, keys_required);
  const auto facts = read_batch_head(batch);
  RUNNEL_CHECK(facts && facts->bytes == size);
  if (facts->codec() == Codec::none) judge_packed(batch, verdict, keys_required);
  read_as_marker(batch);
  return 0;
}
