#include "storage/log/rows.h"

#include "storage/base/crc32c.h"

namespace runnel::log {
namespace {

constexpr std::size_t kChecksumBytes = 4;

}  // namespace

Bytes with_checksum(ByteView key, ByteView value) {
  Bytes out;
  out.reserve(value.size() + kChecksumBytes);
  out.append(value);
  ByteWriter(out).le32(crc32c(value, crc32c(key)));
  return out;
}

Result<ByteView> without_checksum(ByteView key, ByteView stored) {
  if (stored.size() < kChecksumBytes) return Errc::damaged;
  const ByteView value = stored.substr(0, stored.size() - kChecksumBytes);
  if (ByteReader(stored.substr(value.size())).le32() != crc32c(value, crc32c(key))) {
    return Errc::damaged;
  }
  return value;
}

Bytes state_key(ByteView name) {
  Bytes key(1, kStatePrefix[0]);
  key.append(name);
  return key;
}

Bytes block_key(Position first) {
  Bytes key(1, kBlockPrefix[0]);
  ByteWriter(key).be64(first.value);
  return key;
}

Bytes partition_key(char kind, PartitionId partition) {
  Bytes key(1, kind);
  ByteWriter(key).be32(partition.value);
  return key;
}

Bytes aborted_key(PartitionId partition, Offset marker) {
  Bytes key = partition_key(kAbortedKind, partition);
  ByteWriter(key).be64(static_cast<std::uint64_t>(marker.value));
  return key;
}

Bytes Retired::encode() const {
  Bytes out;
  ByteWriter w(out);
  w.le32(oldest.value);
  w.le64(expired);
  w.le64(discarded);
  return with_checksum(kRetiredKey, out);
}

Result<Retired> Retired::decode(ByteView stored) {
  const auto value = without_checksum(kRetiredKey, stored);
  if (!value) return value.error();
  ByteReader r(*value);
  Retired out;
  out.oldest = GenerationId(r.le32());
  out.expired = r.le64();
  out.discarded = r.le64();
  if (!r.ok() || !r.done()) return Errc::damaged;
  return out;
}

}  // namespace runnel::log
