#include "hub/kafka_broker/cluster.h"

#include <algorithm>
#include <random>

#include "hub/core/transactions/transaction.h"
#include "storage/base/crc32c.h"

namespace runnel::kafka {
namespace {

constexpr ByteView kClusterRow = "K";
constexpr ByteView kProducerRow = "I";

// Clients may send any producer id; those from here on are none that we have given out.
constexpr std::int64_t kMadeUpIds = std::int64_t{1} << 62;

constexpr std::size_t kIdLetters = 22;  // Kafka's: a UUID in base64
constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

Result<void> Cluster::load(const log::Log& log, core::Turn& turn) {
  RUNNEL_TRY(log.each_state(kClusterRow, [&](ByteView name, ByteView value) {
    if (name == kClusterRow) id_ = value;
  }));
  RUNNEL_TRY(log.each_state(kProducerRow, [&](ByteView name, ByteView value) {
    if (name == kProducerRow) next_producer_ = ByteReader(value).le64();
  }));
  if (!id_.empty()) return {};
  std::random_device random;
  std::uniform_int_distribution<std::size_t> any(0, kLetters.size() - 1);
  for (std::size_t i = 0; i < kIdLetters; ++i) id_ += kLetters[any(random)];
  turn.group.put_state(kClusterRow, id_);
  return {};
}

// What is known of another producer may not be held against a new one, whose first batches would be taken
// for repetitions: the row may be new, or was damaged, and mirrors bring producers of other hubs.
Result<void> Cluster::pass_known_producers(const log::Log& log) {
  const auto pass = [this](std::int64_t producer) {
    if (producer < 0 || producer >= kMadeUpIds) return;
    next_producer_ = std::max(next_producer_, static_cast<std::uint64_t>(producer) + 1);
  };
  RUNNEL_TRY(log.each_state(log::kProducerKind, [&](ByteView row, ByteView) {
    if (const auto name = log::Producers::name_of(row)) pass(name->producer);
  }));
  return log.each_state(core::kTransactionKind, [&](ByteView, ByteView value) {
    if (const auto row = core::decode_transaction(value)) pass(row->transaction.producer.id);
  });
}

std::int64_t Cluster::next_producer_id(core::Turn& turn) {
  const std::uint64_t id = next_producer_++;
  Bytes row;
  ByteWriter(row).le64(next_producer_);
  turn.group.put_state(kProducerRow, row);
  return static_cast<std::int64_t>(id);
}

Uuid Cluster::topic_id(PartitionId first_partition) const {
  Bytes bytes = id_.substr(0, 8);
  ByteWriter w(bytes);
  w.be32(first_partition.value + 1);
  w.be32(crc32c(id_));
  Uuid out;
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    out.bytes[i] = static_cast<std::uint8_t>(bytes[i]);
  }
  return out;
}

std::optional<PartitionId> Cluster::first_partition(const Uuid& topic_id) const {
  std::uint32_t number = 0;
  for (std::size_t i = 8; i < 12; ++i) number = number << 8 | topic_id.bytes[i];
  const PartitionId partition(number - 1);
  return this->topic_id(partition) == topic_id ? std::optional(partition) : std::nullopt;
}

}  // namespace runnel::kafka
