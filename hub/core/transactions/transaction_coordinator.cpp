#include "hub/core/transactions/transaction_coordinator.h"

#include <algorithm>
#include <limits>

#include "storage/base/logger.h"
#include "storage/log/producers.h"

namespace runnel::core {
namespace {

// The last epoch of a producer id is kept for the markers that fence it.
constexpr std::int16_t kEpochMax = std::numeric_limits<std::int16_t>::max() - 1;

constexpr std::int64_t kRetryAfterMs = 1'000;  // an abort that the log has refused
constexpr std::int64_t kExpiryEveryMs = 600'000;
constexpr std::size_t kForgottenPerTick = 64;

void say_aborted(ByteView id, std::chrono::milliseconds timeout) {
  logger::warn(
      "kafka",
      logger::text("transaction of ", id, " aborted: open for longer than ", timeout.count(), " ms")
  );
}

GroupTurn group_turn(Turn& turn) { return {turn.now, turn.hub_ms, turn.group}; }

constexpr std::size_t kPartitionBytes = 16;

std::int16_t epoch_after(std::int16_t epoch) { return static_cast<std::int16_t>(epoch + 1); }

}  // namespace

TransactionCoordinator::TransactionCoordinator(
    const TransactionLimits& limits,
    GroupOffsets& offsets,
    NextProducerId next_producer_id,
    std::uint32_t ticket_kind
)
    : limits_(limits),
      offsets_(offsets),
      next_producer_id_(std::move(next_producer_id)),
      ticket_kind_(ticket_kind) {}

// --- start ---

Result<void> TransactionCoordinator::load(const log::Log& log, Turn& turn, Elsewhere elsewhere) {
  elsewhere_ = std::move(elsewhere);
  std::size_t damaged = 0;
  RUNNEL_TRY(log.each_state(kTransactionKind, [&](ByteView, ByteView value) {
    auto row = decode_transaction(value);
    if (!row) {
      ++damaged;
      return;
    }
    const auto at = all_.try_emplace(std::move(row->id)).first;
    at->second.now = std::move(row->transaction);
    weigh(at);
  }));
  if (damaged != 0) {
    logger::warn("kafka", logger::text(damaged, " rows of transactions cannot be read"));
  }
  return abort_ownerless(log, turn);
}

// Readers of committed records would wait for ever behind what nobody can end.
Result<void> TransactionCoordinator::abort_ownerless(const log::Log& log, Turn& turn) {
  std::map<std::int64_t, const Transaction*> owners;
  for (const auto& [id, entry] : all_) {
    if (entry.now.state == TransactionState::ongoing) owners[entry.now.producer.id] = &entry.now;
  }
  std::size_t aborted = 0;
  log::Producers producers;
  RUNNEL_TRY(log.each_state(log::kProducerKind, [&](ByteView name, ByteView value) {
    (void)producers.load(name, value);
  }));
  producers.each([&](const log::Producers::Name& name, const log::Producers::Entry& entry) {
    const auto owner = owners.find(name.producer);
    const bool owned = owner != owners.end() && owner->second->partitions.contains(name.partition);
    if (!entry.open || owned || (elsewhere_ && elsewhere_(name.partition))) return;
    turn.group.append_marker(
        name.partition, {name.producer, entry.epoch, false, 0, turn.wall_ms}
    );
    ++aborted;
  });
  GroupTurn t = group_turn(turn);
  for (const std::int64_t producer : offsets_.pending_producers()) {
    if (owners.contains(producer)) continue;
    offsets_.end_transaction(
        producer, GroupOffsets::TransactionEnd::abort, log::Group::Tie::none, t
    );
    ++aborted;
  }
  if (aborted != 0) {
    logger::warn("kafka", logger::text(aborted, " parts of transactions without an owner aborted"));
  }
  return {};
}

// --- who may ---

TransactionError TransactionCoordinator::refusal(
    All::const_iterator at, const ProducerIdentity& producer
) const {
  if (at == all_.end()) return TransactionError::invalid_producer_id_mapping;
  const Entry& entry = at->second;
  if (entry.now.producer.id != producer.id) return TransactionError::invalid_producer_id_mapping;
  if (entry.now.producer.epoch != producer.epoch) return TransactionError::producer_fenced;
  if (entry.ending != 0) return TransactionError::concurrent_transactions;
  return TransactionError::none;
}

TransactionError TransactionCoordinator::check_write(
    ByteView id, const ProducerIdentity& producer, PartitionId partition
) const {
  const auto at = all_.find(id);
  const TransactionError error = refusal(at, producer);
  if (error == TransactionError::producer_fenced) return TransactionError::invalid_producer_epoch;
  if (error != TransactionError::none) return error;
  const Transaction& now = at->second.now;
  const bool open =
      now.state == TransactionState::ongoing && now.partitions.contains(partition);
  return open ? TransactionError::none : TransactionError::invalid_txn_state;
}

TransactionError TransactionCoordinator::check_offsets(
    ByteView id, const ProducerIdentity& producer, ByteView group
) const {
  const auto at = all_.find(id);
  if (const auto error = refusal(at, producer); error != TransactionError::none) {
    return error;
  }
  const Transaction& now = at->second.now;
  const bool open = now.state == TransactionState::ongoing && now.groups.contains(group);
  return open ? TransactionError::none : TransactionError::invalid_txn_state;
}

// --- changes ---

void TransactionCoordinator::weigh(All::iterator at) {
  Entry& entry = at->second;
  bytes_ -= entry.bytes;
  entry.bytes = at->first.size() + kPartitionBytes * entry.now.partitions.size();
  for (const Bytes& group : entry.now.groups) entry.bytes += group.size();
  bytes_ += entry.bytes;
}

// With `before`, nothing else may touch the id until the change is durable.
void TransactionCoordinator::save(
    All::iterator at, std::optional<Transaction> before, Tie tie, Turn& turn, bool late
) {
  Entry& entry = at->second;
  weigh(at);
  entry.now.used_hub_ms = turn.hub_ms;
  entry.unsaved = false;
  const std::uint64_t serial = ++last_serial_;
  if (before) entry.ending = serial;
  turn.group.put_state(
      transaction_row_name(at->first), encode_transaction(at->first, entry.now), tie
  );
  turn.group.wait({serial, 0, ticket_kind_, tie == Tie::records});
  staged_.emplace(serial, Staged{at->first, std::move(before), late});
}

void TransactionCoordinator::settled(
    const log::Ticket& ticket, const log::Group::Outcome& outcome
) {
  auto staged = staged_.extract(ticket.owner);
  RUNNEL_CHECK(!staged.empty());
  const auto at = all_.find(staged.mapped().id);
  if (at == all_.end()) return;
  Entry& entry = at->second;
  const bool ours = entry.ending == ticket.owner;
  if (ours) entry.ending = 0;
  const bool stored =
      outcome.state == Errc::ok && (!ticket.needs_records || outcome.records == Errc::ok);
  if (stored) {
    if (staged.mapped().late) say_aborted(at->first, staged.mapped().before->timeout);
    return;
  }
  entry.unsaved = true;
  if (!ours || !staged.mapped().before) return;
  entry.now = std::move(*staged.mapped().before);
  weigh(at);
  if (entry.now.producer.id >= 0) return;
  bytes_ -= entry.bytes;  // there was none
  all_.erase(at);
}

TransactionCoordinator::Identified TransactionCoordinator::identify(
    ByteView id,
    std::chrono::milliseconds timeout,
    const std::optional<ProducerIdentity>& caller,
    Turn& turn
) {
  const auto refused = [](TransactionError error) { return Identified{{error, Tie::none}, {}}; };
  if (id.empty() || id.size() > limits_.id_bytes_max) {
    return refused(TransactionError::invalid_request);
  }
  if (timeout.count() <= 0 || timeout > limits_.timeout_max) {
    return refused(TransactionError::invalid_transaction_timeout);
  }
  auto at = all_.find(id);
  if (at == all_.end()) {
    if (!make_room(turn)) return refused(TransactionError::coordinator_not_available);
    at = all_.emplace(Bytes(id), Entry{}).first;
  }
  Entry& entry = at->second;
  if (entry.ending != 0) return refused(TransactionError::concurrent_transactions);
  Transaction& now = entry.now;
  const Transaction before = now;
  const bool known = now.producer.id >= 0;
  if (known && caller) {
    const bool repeated = *caller == now.previous && now.state != TransactionState::ongoing;
    if (repeated && !entry.unsaved) return {{}, now.producer};
    if (*caller != now.producer && !repeated) return refused(TransactionError::producer_fenced);
  }
  Tie tie = Tie::none;
  if (now.state == TransactionState::ongoing) {
    tie = close(at, false, epoch_after(now.producer.epoch), turn);
  }
  now.previous = caller && known ? before.producer : ProducerIdentity{};
  if (!known || before.producer.epoch >= kEpochMax) {
    now.producer = {next_producer_id_(turn), 0};
  } else {
    now.producer.epoch = epoch_after(before.producer.epoch);
  }
  now.timeout = timeout;
  now.state = TransactionState::empty;
  save(at, before, tie, turn);
  return {{TransactionError::none, tie}, now.producer};
}

void TransactionCoordinator::begin(All::iterator at, Turn& turn, bool changed) {
  Entry& entry = at->second;
  if (entry.now.state != TransactionState::ongoing) {
    entry.now.state = TransactionState::ongoing;
    entry.now.began_hub_ms = turn.hub_ms;
    changed = true;
  }
  if (changed || entry.unsaved) save(at, std::nullopt, Tie::none, turn);
}

TransactionError TransactionCoordinator::add_partitions(
    ByteView id,
    const ProducerIdentity& producer,
    std::span<const PartitionId> partitions,
    Turn& turn
) {
  const auto at = all_.find(id);
  if (const auto error = refusal(at, producer); error != TransactionError::none) {
    return error;
  }
  auto& known = at->second.now.partitions;
  std::size_t fresh = 0;
  for (const PartitionId partition : partitions) fresh += known.contains(partition) ? 0U : 1U;
  const bool heavy = bytes_ + fresh * kPartitionBytes > limits_.bytes_max;
  if (known.size() + fresh > limits_.partitions_max || heavy) {
    return TransactionError::invalid_request;
  }
  known.insert(partitions.begin(), partitions.end());
  begin(at, turn, fresh != 0);
  return TransactionError::none;
}

TransactionError TransactionCoordinator::add_group(
    ByteView id, const ProducerIdentity& producer, ByteView group, Turn& turn
) {
  const auto at = all_.find(id);
  if (const auto error = refusal(at, producer); error != TransactionError::none) {
    return error;
  }
  auto& known = at->second.now.groups;
  const bool fresh = !known.contains(group);
  const bool heavy = bytes_ + group.size() > limits_.bytes_max;
  if (fresh && (known.size() >= limits_.groups_max || heavy)) {
    return TransactionError::invalid_request;
  }
  if (fresh) known.emplace(group);
  begin(at, turn, fresh);
  return TransactionError::none;
}

// Puts the end of the open transaction into the group; its row is the caller's to save, tied to the
// markers if there are some.
TransactionCoordinator::Tie TransactionCoordinator::close(
    All::iterator at, bool commit, std::int16_t marker_epoch, Turn& turn
) {
  Transaction& now = at->second.now;
  const Tie tie = now.partitions.empty() ? Tie::none : Tie::records;
  for (const PartitionId partition : now.partitions) {
    if (elsewhere_ && elsewhere_(partition)) continue;  // it has become a mirror's
    turn.group.append_marker(
        partition, {now.producer.id, marker_epoch, commit, 0, turn.wall_ms}
    );
  }
  using End = GroupOffsets::TransactionEnd;
  GroupTurn t = group_turn(turn);
  offsets_.end_transaction(now.producer.id, commit ? End::commit : End::abort, tie, t);
  now.partitions.clear();
  now.groups.clear();
  now.began_hub_ms = 0;
  now.state = commit ? TransactionState::complete_commit : TransactionState::complete_abort;
  return tie;
}

TransactionCoordinator::Ended TransactionCoordinator::end(
    ByteView id, const ProducerIdentity& producer, bool commit, Turn& turn
) {
  const auto at = all_.find(id);
  if (const auto error = refusal(at, producer); error != TransactionError::none) {
    return {error, Tie::none};
  }
  const TransactionState state = at->second.now.state;
  if (state != TransactionState::ongoing) {
    const bool said = state == (commit ? TransactionState::complete_commit
                                       : TransactionState::complete_abort);
    return {said ? TransactionError::none : TransactionError::invalid_txn_state, Tie::none};
  }
  Transaction before = at->second.now;
  const Tie tie = close(at, commit, producer.epoch, turn);
  save(at, std::move(before), tie, turn);
  return {TransactionError::none, tie};
}

// --- time ---

void TransactionCoordinator::tick(Turn& turn) {
  abort_late(turn);
  if (turn.hub_ms < next_expiry_hub_ms_) return;
  next_expiry_hub_ms_ = turn.hub_ms + kExpiryEveryMs;
  forget_silent(turn);
}

// The epoch goes up, so that a producer that wakes up late is told.
void TransactionCoordinator::abort_late(Turn& turn) {
  for (auto at = all_.begin(); at != all_.end() && !turn.full(); ++at) {
    Entry& entry = at->second;
    if (entry.now.state != TransactionState::ongoing || entry.ending != 0) continue;
    if (turn.hub_ms - entry.now.began_hub_ms < entry.now.timeout.count()) continue;
    if (turn.hub_ms < entry.retry_hub_ms) continue;
    entry.retry_hub_ms = turn.hub_ms + kRetryAfterMs;
    Transaction before = entry.now;
    const std::int16_t epoch = epoch_after(entry.now.producer.epoch);
    const Tie tie = close(at, false, epoch, turn);
    entry.now.producer.epoch = epoch;
    entry.now.previous = {};
    save(at, std::move(before), tie, turn, true);
  }
}

void TransactionCoordinator::forget(All::iterator at, Turn& turn) {
  turn.group.erase_state(transaction_row_name(at->first));
  bytes_ -= at->second.bytes;
  all_.erase(at);
}

void TransactionCoordinator::forget_silent(Turn& turn) {
  std::size_t left = kForgottenPerTick;
  for (auto at = all_.begin(); at != all_.end() && left > 0;) {
    const auto next = std::next(at);
    const Entry& entry = at->second;
    const bool idle = entry.now.state != TransactionState::ongoing && entry.ending == 0;
    if (idle && turn.hub_ms - entry.now.used_hub_ms > limits_.id_silence_max.count()) {
      forget(at, turn);
      --left;
    }
    at = next;
  }
}

bool TransactionCoordinator::make_room(Turn& turn) {
  if (all_.size() < limits_.ids_max) return true;
  auto oldest = all_.end();
  for (auto at = all_.begin(); at != all_.end(); ++at) {
    if (at->second.now.state == TransactionState::ongoing || at->second.ending != 0) continue;
    if (oldest == all_.end() || at->second.now.used_hub_ms < oldest->second.now.used_hub_ms) {
      oldest = at;
    }
  }
  if (oldest == all_.end()) return false;
  forget(oldest, turn);
  return true;
}

// --- reading ---

std::size_t TransactionCoordinator::open() const {
  return static_cast<std::size_t>(std::ranges::count_if(all_, [](const auto& e) {
    return e.second.now.state == TransactionState::ongoing;
  }));
}

const Transaction* TransactionCoordinator::find(ByteView id) const {
  const auto at = all_.find(id);
  return at == all_.end() ? nullptr : &at->second.now;
}

}  // namespace runnel::core
