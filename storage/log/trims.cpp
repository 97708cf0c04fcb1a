#include "storage/log/trims.h"

#include <algorithm>

#include "storage/log/block.h"

namespace runnel::log {

bool Trims::load(ByteView name, ByteView value) {
  ByteReader r(value);
  if (name == kTrimTotalsRow) {
    deleted_ = r.le64();
    expired_ = r.le64();
    return r.ok() && r.done();
  }
  if (!name.starts_with(kTrimKind)) return false;
  ByteReader key(name.substr(kTrimKind.size()));
  const PartitionId partition(key.be32());
  const Offset start(static_cast<std::int64_t>(r.le64()));
  if (!key.ok() || !key.done() || !r.ok() || !r.done() || start < Offset(0)) return false;
  starts_[partition] = start;
  return true;
}

Offset Trims::start(PartitionId partition) const {
  const auto found = starts_.find(partition);
  return found == starts_.end() ? Offset(0) : found->second;
}

void Trims::apply(PartitionId partition, const Trim& trim, std::uint64_t records) {
  Offset& start = starts_[partition];
  start = std::max(start, trim.start);
  (trim.why == TrimReason::deleted ? deleted_ : expired_) += records;
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> Trims::hidden(const BlockHead& head) const {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> out;
  if (empty()) return out;
  std::uint32_t index = 0;
  for (const BlockEntry& e : head.entries) {
    const Offset start = this->start(e.partition);
    if (start > e.base) {
      const auto more = static_cast<std::uint64_t>(start.value - e.base.value);
      const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(more, e.records));
      out.emplace_back(index, index + count);
    }
    index += e.records;
  }
  return out;
}

Bytes Trims::row_name(PartitionId partition) {
  Bytes name(kTrimKind);
  ByteWriter(name).be32(partition.value);
  return name;
}

Bytes Trims::encode(Offset start) {
  Bytes value;
  ByteWriter(value).le64(static_cast<std::uint64_t>(start.value));
  return value;
}

Trims::Row Trims::totals_row() const {
  Bytes value;
  ByteWriter w(value);
  w.le64(deleted_);
  w.le64(expired_);
  return {Bytes(kTrimTotalsRow), value};
}

}  // namespace runnel::log
