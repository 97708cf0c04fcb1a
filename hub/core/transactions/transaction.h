// One transactional id: who may use it, and what its open transaction has touched (KIP-98). Also its
// state row:
//   x/{id}   u8 version 1, id (counted), i64 producer id, i16 epoch, i64 and i16 the identity before
//            (see `previous`), u32 timeout ms, u8 state, i64 hub ms when the transaction began, i64
//            hub ms of the last use, u32 count and that many u32 partition ids, u32 count and that many
//            group ids (counted); little-endian
//
// Threads: a value.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/types.h"

namespace runnel::core {

constexpr ByteView kTransactionKind = "x/";

struct ProducerIdentity {
  std::int64_t id = -1;
  std::int16_t epoch = -1;

  bool operator==(const ProducerIdentity&) const = default;
};

// The hub is alone: a transaction ends in one commit, so there is no preparing.
enum class TransactionState : std::uint8_t { empty, ongoing, complete_commit, complete_abort };

// As Kafka's admin clients know it.
constexpr std::string_view name_of(TransactionState state) {
  switch (state) {
    case TransactionState::empty:
      return "Empty";
    case TransactionState::ongoing:
      return "Ongoing";
    case TransactionState::complete_commit:
      return "CompleteCommit";
    case TransactionState::complete_abort:
      return "CompleteAbort";
  }
  return "Unknown";
}

struct Transaction {
  ProducerIdentity producer;
  // The one that asked for `producer` by naming itself: it may ask again (KIP-360).
  ProducerIdentity previous;
  std::chrono::milliseconds timeout{0};
  TransactionState state = TransactionState::empty;
  std::int64_t began_hub_ms = 0;  // while ongoing
  std::int64_t used_hub_ms = 0;
  std::set<PartitionId> partitions;
  std::set<Bytes, std::less<>> groups;
};

[[nodiscard]] Bytes transaction_row_name(ByteView id);
[[nodiscard]] Bytes encode_transaction(ByteView id, const Transaction& transaction);

struct TransactionRow {
  Bytes id;
  Transaction transaction;
};

// nullopt: the row makes no sense.
[[nodiscard]] std::optional<TransactionRow> decode_transaction(ByteView row);

}  // namespace runnel::core
