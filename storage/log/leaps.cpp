#include "storage/log/leaps.h"

namespace runnel::log {

bool Leaps::load(ByteView name, ByteView value) {
  if (!name.starts_with(kLeapKind)) return false;
  ByteReader key(name.substr(kLeapKind.size()));
  ByteReader r(value);
  const PartitionId partition(key.be32());
  Leap leap;
  leap.end = Offset(static_cast<std::int64_t>(r.le64()));
  leap.begun = Offset(static_cast<std::int64_t>(r.le64()));
  leap.skipped = static_cast<std::int64_t>(r.le64());
  const bool whole = key.ok() && key.done() && r.ok() && r.done();
  if (!whole || leap.begun < Offset(0) || leap.end < leap.begun || leap.skipped < 0) return false;
  leaps_[partition] = leap;
  return true;
}

void Leaps::apply(PartitionId partition, Offset end, Offset next) {
  Leap& leap = leaps_[partition];
  // Nothing has been here yet.
  if (end <= leap.begun) leap.begun = next;
  leap.end = next;
  leap.skipped += next.value - end.value;
}

Offset Leaps::begun(PartitionId partition) const {
  const auto found = leaps_.find(partition);
  return found == leaps_.end() ? Offset(0) : found->second.begun;
}

Bytes Leaps::row_name(PartitionId partition) {
  Bytes name(kLeapKind);
  ByteWriter(name).be32(partition.value);
  return name;
}

Bytes Leaps::encode(const Leap& leap) {
  Bytes value;
  ByteWriter w(value);
  w.le64(static_cast<std::uint64_t>(leap.end.value));
  w.le64(static_cast<std::uint64_t>(leap.begun.value));
  w.le64(static_cast<std::uint64_t>(leap.skipped));
  return value;
}

}  // namespace runnel::log
