#include "storage/log/batch_records.h"

#include "storage/log/record_fields.h"

namespace runnel::log {

Result<BatchRecords> BatchRecords::open(ByteView batch, std::size_t records_bytes_max) {
  const Result<BatchFacts> facts = read_batch_head(batch);
  if (!facts || facts->bytes != batch.size() || facts->records < 0) return Errc::damaged;
  BatchRecords records;
  records.facts_ = *facts;
  records.packed_ = batch.substr(head::kBytes);
  // A batch that compaction left without records has nothing to unpack, whatever its codec.
  records.compressed_ = facts->codec() != Codec::none && facts->records > 0;
  if (records.compressed_) {
    Result<Bytes> unpacked = decompress(facts->codec(), records.packed_, records_bytes_max);
    if (!unpacked) return unpacked.error();
    records.unpacked_ = std::move(*unpacked);
  }
  records.rewind();
  return records;
}

void BatchRecords::rewind() {
  position_ = 0;
  left_ = facts_.records;
  damaged_ = false;
}

bool BatchRecords::next(RecordView& record) {
  if (left_ == 0 || damaged_) return false;
  const Result<RecordView> read = record_at(position_);
  damaged_ = !read;
  if (damaged_) return false;
  --left_;
  record = *read;
  return true;
}

Result<RecordView> BatchRecords::record_at(std::size_t& position) const {
  if (position > records().size()) return Errc::damaged;
  ByteReader reader(records().substr(position));
  RecordFields fields;
  if (take_record(reader, fields) != RecordFault::none) return Errc::damaged;
  position += reader.position();
  RecordView record;
  record.offset = record_offset(facts_, fields);
  record.timestamp_ms = record_time(facts_, fields);
  record.key = fields.key;
  record.value = fields.value;
  record.headers = fields.headers;
  record.header_count = fields.header_count;
  return record;
}

}  // namespace runnel::log
