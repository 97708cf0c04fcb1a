#include "hub/core/transactions/transaction.h"

#include "hub/core/row_key.h"

namespace runnel::core {
namespace {

constexpr std::uint8_t kVersion = 1;

void write(ByteWriter& w, const ProducerIdentity& producer) {
  w.le64(static_cast<std::uint64_t>(producer.id));
  w.le16(static_cast<std::uint16_t>(producer.epoch));
}

ProducerIdentity read_producer(ByteReader& r) {
  ProducerIdentity out;
  out.id = static_cast<std::int64_t>(r.le64());
  out.epoch = static_cast<std::int16_t>(r.le16());
  return out;
}

}  // namespace

Bytes transaction_row_name(ByteView id) { return row_key(kTransactionKind, id); }

Bytes encode_transaction(ByteView id, const Transaction& t) {
  Bytes out;
  ByteWriter w(out);
  w.u8(kVersion);
  w.counted(id);
  write(w, t.producer);
  write(w, t.previous);
  w.le32(static_cast<std::uint32_t>(t.timeout.count()));
  w.u8(static_cast<std::uint8_t>(t.state));
  w.le64(static_cast<std::uint64_t>(t.began_hub_ms));
  w.le64(static_cast<std::uint64_t>(t.used_hub_ms));
  w.le32(static_cast<std::uint32_t>(t.partitions.size()));
  for (const PartitionId partition : t.partitions) w.le32(partition.value);
  w.le32(static_cast<std::uint32_t>(t.groups.size()));
  for (const Bytes& group : t.groups) w.counted(group);
  return out;
}

std::optional<TransactionRow> decode_transaction(ByteView row) {
  ByteReader r(row);
  if (r.u8() != kVersion) return std::nullopt;
  TransactionRow out;
  out.id = r.counted();
  Transaction& t = out.transaction;
  t.producer = read_producer(r);
  t.previous = read_producer(r);
  t.timeout = std::chrono::milliseconds(r.le32());
  const std::uint8_t state = r.u8();
  if (state > static_cast<std::uint8_t>(TransactionState::complete_abort)) return std::nullopt;
  t.state = static_cast<TransactionState>(state);
  t.began_hub_ms = static_cast<std::int64_t>(r.le64());
  t.used_hub_ms = static_cast<std::int64_t>(r.le64());
  const std::uint32_t partitions = r.le32();
  for (std::uint32_t i = 0; i < partitions && r.ok(); ++i) t.partitions.emplace(r.le32());
  const std::uint32_t groups = r.le32();
  for (std::uint32_t i = 0; i < groups && r.ok(); ++i) t.groups.emplace(r.counted());
  if (!r.ok() || !r.done()) return std::nullopt;
  return out;
}

}  // namespace runnel::core
