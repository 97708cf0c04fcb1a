#include "hub/core/groups/offset_row.h"

#include "hub/core/row_key.h"

namespace runnel::core {
namespace {

constexpr std::uint8_t kVersion = 1;

std::int64_t read_i64(ByteReader& r) {
  return static_cast<std::int64_t>(r.le64());
}

}  // namespace

// No two keys have one text: a topic's name has no slash (GroupOffsets sees to it), so that the
// last two end what may be anything.
Bytes offset_row_name(std::int64_t producer_id, const OffsetKey& key) {
  Bytes text;
  if (producer_id >= 0) text.append(std::to_string(producer_id)).append("/");
  text.append(key.group).append("/").append(key.topic).append("/");
  text.append(std::to_string(key.partition));
  return row_key(producer_id >= 0 ? kPendingOffsetKind : kOffsetKind, text);
}

Bytes encode_offset_row(
    std::int64_t producer_id, const OffsetKey& key, const CommittedOffset& value
) {
  Bytes out;
  ByteWriter w(out);
  w.u8(kVersion);
  if (producer_id >= 0) w.le64(static_cast<std::uint64_t>(producer_id));
  w.counted(key.group);
  w.counted(key.topic);
  w.le32(static_cast<std::uint32_t>(key.partition));
  w.le64(static_cast<std::uint64_t>(value.offset));
  w.le32(static_cast<std::uint32_t>(value.leader_epoch));
  w.counted(value.metadata);
  w.le64(static_cast<std::uint64_t>(value.committed_hub_ms));
  w.le64(static_cast<std::uint64_t>(value.expires_hub_ms));
  return out;
}

std::optional<OffsetRow> decode_offset_row(bool pending, ByteView row) {
  ByteReader r(row);
  if (r.u8() != kVersion) return std::nullopt;
  OffsetRow out;
  if (pending) out.producer_id = read_i64(r);
  out.key.group = r.counted();
  out.key.topic = r.counted();
  out.key.partition = static_cast<std::int32_t>(r.le32());
  out.value.offset = read_i64(r);
  out.value.leader_epoch = static_cast<std::int32_t>(r.le32());
  out.value.metadata = r.counted();
  out.value.committed_hub_ms = read_i64(r);
  out.value.expires_hub_ms = read_i64(r);
  if (!r.ok() || !r.done()) return std::nullopt;
  if (pending && out.producer_id < 0) return std::nullopt;
  return out;
}

Bytes encode_offset_key(const OffsetKey& key) {
  Bytes out;
  ByteWriter w(out);
  w.u8(kVersion);
  w.counted(key.group);
  w.counted(key.topic);
  w.le32(static_cast<std::uint32_t>(key.partition));
  return out;
}

std::optional<OffsetKey> decode_offset_key(ByteView bytes) {
  ByteReader r(bytes);
  const bool known = r.u8() == kVersion;
  OffsetKey key;
  key.group = r.counted();
  key.topic = r.counted();
  key.partition = static_cast<std::int32_t>(r.le32());
  if (!known || !r.ok() || !r.done()) return std::nullopt;
  return key;
}

}  // namespace runnel::core
