// The transaction coordinator (KIP-98, KIP-360, KIP-447): who may use a transactional id, what its open
// transaction has touched, and how that ends. The hub is the coordinator of everything, so the end of a
// transaction is one commit: the markers in all its partitions, the offsets that it has committed, and
// its own row become durable together or not at all.
//
// Promises, each with a test in tests/unit/kafka_broker/transaction_test.cpp:
//   1. An answer of `none` to a call that changed something may be given once the turn's group is
//      durable, records included; until then, others that touch the same id are told
//      concurrent_transactions, or are in the same group.
//   2. When that commit is refused, everything is as it was, and the call may be made again.
//   3. A producer that another one has taken the place of is fenced, by its epoch, for ever.
//   4. No transaction stays open beyond its timeout, in hub time, also when the hub was down meanwhile,
//      unless the log takes no records.
//   5. Memory is bounded by TransactionLimits.
//
// Each call that changes something puts a ticket of `ticket_kind` into the group of the log. The caller
// hands tickets of that kind to settled(), in order, when the group comes back.
//
// Threads: one, the io thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "hub/core/groups/group_offsets.h"
#include "hub/core/transactions/transaction.h"
#include "hub/core/transactions/transaction_limits.h"
#include "hub/core/turn.h"

namespace runnel::core {

// What the coordinator answers. The values are Kafka's error codes, so that a codec writes them as they
// are.
enum class TransactionError : std::int16_t {
  none = 0,
  coordinator_not_available = 15,
  invalid_request = 42,
  invalid_producer_epoch = 47,
  invalid_txn_state = 48,
  invalid_producer_id_mapping = 49,
  invalid_transaction_timeout = 50,
  concurrent_transactions = 51,
  producer_fenced = 90,
};

class TransactionCoordinator {
 public:
  // An id that no producer ever had; it may be told to nobody before the turn's group is durable.
  using NextProducerId = std::function<std::int64_t(Turn&)>;

  // `offsets` outlives this.
  TransactionCoordinator(
      const TransactionLimits& limits,
      GroupOffsets& offsets,
      NextProducerId next_producer_id,
      std::uint32_t ticket_kind
  );

  // Partitions whose transactions have another coordinator: those of a mirror.
  using Elsewhere = std::function<bool(PartitionId)>;

  // Reads what the log knows. What has been left open without an owner, by a damaged row, is aborted
  // in the turn. After GroupOffsets::load.
  Result<void> load(const log::Log& log, Turn& turn, Elsewhere elsewhere = {});

  // Aborts, in the turn, what nobody can end.
  Result<void> abort_ownerless(const log::Log& log, Turn& turn);

  // What came of a call that may have ended a transaction: its answer waits for the records of the
  // group too if there are markers among them.
  struct Ended {
    TransactionError error = TransactionError::none;
    log::Group::Tie tie = log::Group::Tie::none;
  };

  struct Identified : Ended {
    ProducerIdentity producer;
  };

  // InitProducerId: gives the id to the caller, and aborts what its last user has left open. A caller
  // that names itself goes on after an error (KIP-360).
  Identified identify(
      ByteView id,
      std::chrono::milliseconds timeout,
      const std::optional<ProducerIdentity>& caller,
      Turn& turn
  );

  // The transaction is going to write to these partitions, to commit offsets of this group. Begins one
  // if there is none.
  TransactionError add_partitions(
      ByteView id,
      const ProducerIdentity& producer,
      std::span<const PartitionId> partitions,
      Turn& turn
  );
  TransactionError add_group(
      ByteView id, const ProducerIdentity& producer, ByteView group, Turn& turn
  );

  // Whether the producer may write to this partition now, or commit offsets of this group, as part of
  // its transaction.
  [[nodiscard]] TransactionError check_write(
      ByteView id, const ProducerIdentity& producer, PartitionId partition
  ) const;
  [[nodiscard]] TransactionError check_offsets(
      ByteView id, const ProducerIdentity& producer, ByteView group
  ) const;

  // EndTxn. Saying the same again is no error.
  Ended end(ByteView id, const ProducerIdentity& producer, bool commit, Turn& turn);

  // Aborts what has been open for too long, forgets ids that nobody uses.
  void tick(Turn& turn);

  // The commit of the log that held the ticket's change has this outcome.
  void settled(const log::Ticket& ticket, const log::Group::Outcome& outcome);

  [[nodiscard]] std::size_t ids() const { return all_.size(); }
  [[nodiscard]] std::size_t open() const;

  // For administration.
  [[nodiscard]] const Transaction* find(ByteView id) const;
  template <class Visit>  // (ByteView id, const Transaction&)
  void each(Visit visit) const {
    for (const auto& [id, entry] : all_) visit(id, entry.now);
  }

 private:
  struct Entry {
    Transaction now;
    std::uint64_t ending = 0;      // serial of the change that is not durable and excludes others
    bool unsaved = false;          // a commit with its row was refused
    std::int64_t retry_hub_ms = 0; // no attempt to abort it before
    std::size_t bytes = 0;         // its part of bytes_
  };

  struct Staged {
    Bytes id;
    std::optional<Transaction> before;  // what comes back when the commit is refused
    bool late = false;                  // it was open for too long
  };

  using All = std::map<Bytes, Entry, std::less<>>;

  [[nodiscard]] TransactionError refusal(
      All::const_iterator at, const ProducerIdentity& producer
  ) const;
  using Tie = log::Group::Tie;
  void begin(All::iterator at, Turn& turn, bool changed);
  void save(
      All::iterator at, std::optional<Transaction> before, Tie tie, Turn& turn, bool late = false
  );
  Tie close(All::iterator at, bool commit, std::int16_t marker_epoch, Turn& turn);
  void weigh(All::iterator at);
  void abort_late(Turn& turn);
  void forget_silent(Turn& turn);
  void forget(All::iterator at, Turn& turn);
  bool make_room(Turn& turn);

  TransactionLimits limits_;
  GroupOffsets& offsets_;
  NextProducerId next_producer_id_;
  Elsewhere elsewhere_;
  std::uint32_t ticket_kind_;
  All all_;
  std::map<std::uint64_t, Staged> staged_;  // by serial
  std::uint64_t last_serial_ = 0;
  std::size_t bytes_ = 0;
  std::int64_t next_expiry_hub_ms_ = 0;
};

}  // namespace runnel::core
