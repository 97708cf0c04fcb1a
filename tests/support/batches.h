// Batches as producers send them: compressed, stamped, broken on purpose, with a checksum that is
// right all the same.
#pragma once

#include <cstdint>
#include <vector>

#include "storage/log/batch_head.h"
#include "storage/log/compression.h"
#include "storage/log/record_batch.h"
#include "tests/support/records.h"

namespace runnel::test {

constexpr log::Codec kCodecs[] = {
    log::Codec::none, log::Codec::gzip, log::Codec::snappy, log::Codec::lz4, log::Codec::zstd};

// Makes the checksum right.
inline void seal_crc(Bytes& batch) {
  log::head::put<std::uint32_t>(batch, log::head::kCrcAt, log::batch_crc(batch));
}

// `batch` with one field of its head changed.
template <class T>
Bytes with_field(Bytes batch, std::size_t at, T value) {
  log::head::put<T>(batch, at, value);
  seal_crc(batch);
  return batch;
}

// `batch` with other bytes behind its head.
inline Bytes with_payload(const Bytes& batch, ByteView payload) {
  Bytes out = batch.substr(0, log::kBatchHeadBytes);
  out += payload;
  log::head::put<std::int32_t>(
      out, log::head::kLengthAt, static_cast<std::int32_t>(out.size() - log::head::kAfterLength)
  );
  seal_crc(out);
  return out;
}

// `batch` with `payload` behind its head, which says that `codec` compressed it.
inline Bytes with_stream(const Bytes& batch, log::Codec codec, ByteView payload) {
  return with_payload(
      with_field(batch, log::head::kAttributesAt, static_cast<std::uint16_t>(codec)), payload
  );
}

// An uncompressed batch, made by `codec`.
inline Bytes packed(const Bytes& batch, log::Codec codec) {
  const ByteView records = ByteView(batch).substr(log::kBatchHeadBytes);
  return with_stream(batch, codec, log::compress(codec, records));
}

// These records at base offset 0, as a producer without an id sends them.
inline Bytes produced(const std::vector<OwnedRecord>& records) {
  log::BatchBuilder builder;
  for (const OwnedRecord& r : records) builder.append(RecordInput(r).get());
  builder.seal(Offset(0));
  return Bytes(builder.bytes());
}

}  // namespace runnel::test
