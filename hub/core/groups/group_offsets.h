// The committed offsets of all groups, and those that open transactions have committed but not yet
// ended (KIP-98, KIP-447). Rows: offset_row.h.
//
// Promises, each with a test in tests/unit/core/group_offsets_test.cpp:
//   1. What find() and each() show is durable. A change is staged, its rows are put into the group
//   of
//      the log that is being filled, and settled() makes it visible, or forgets it if the commit of
//      the log failed.
//   2. Changes of one offset settle in the order in which they were asked for.
//   3. What a transaction commits is seen when the transaction's end is durable, all of it or
//   nothing,
//      also when the hub was restarted in between.
//   4. Memory is bounded by OffsetLimits; what does not fit is refused.
//
// Each call that stages something puts a ticket of `ticket_kind` into the group of the log. The
// caller hands tickets of that kind to settled(), in order, when the group comes back; a ticket
// that it puts in behind the call is settled when the change can be seen.
//
// Threads: one, the io thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "hub/core/groups/group_limits.h"
#include "hub/core/groups/group_types.h"
#include "hub/core/groups/offset_row.h"
#include "storage/log/log.h"

namespace runnel::core {

class GroupOffsets {
 public:
  GroupOffsets(const OffsetLimits& limits, std::uint32_t ticket_kind)
      : limits_(limits), ticket_kind_(ticket_kind) {}

  // Reads what the log knows. A row that is none is reported and passed over.
  Result<void> load(const log::Log& log);

  void set_limits(const OffsetLimits& limits) { limits_ = limits; }

  [[nodiscard]] const OffsetLimits& limits() const { return limits_; }

  struct Entry {
    ByteView topic;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::int32_t leader_epoch = -1;
    ByteView metadata;
  };

  // One error for each entry, in order; nothing is staged for those that have one: invalid_topic
  // (no name at all, or a slash in it), offset_metadata_too_large, invalid_commit_offset_size (a
  // limit). `retention`: how long the client wants the offset kept (OffsetCommit 2 to 4), if not
  // below 0.
  std::vector<GroupError> commit(
      ByteView group,
      std::span<const Entry> entries,
      std::optional<std::chrono::milliseconds> retention,
      GroupTurn& turn
  );
  // The same inside a transaction of a producer.
  std::vector<GroupError> commit_pending(
      std::int64_t producer_id, ByteView group, std::span<const Entry> entries, GroupTurn& turn
  );

  // All that the producer's transaction has committed comes to hold, or is dropped. With
  // Tie::records it does so only if the records of this group of the log are stored; if they are
  // not, everything stays pending and the end may be tried again. False: there was nothing pending.
  enum class TransactionEnd { commit, abort };
  bool end_transaction(
      std::int64_t producer_id, TransactionEnd end, log::Group::Tie tie, GroupTurn& turn
  );
  // Producers with something pending, for recovery: each should be in a transaction that is known.
  [[nodiscard]] std::vector<std::int64_t> pending_producers() const;

  // nullptr: there is none. Valid until the next call that is not const.
  [[nodiscard]] const CommittedOffset* find(ByteView group, ByteView topic, std::int32_t partition)
      const;
  // A transaction that is not yet ended, durably, has committed an offset here.
  [[nodiscard]] bool unstable(ByteView group, ByteView topic, std::int32_t partition) const;
  // Every partition with an offset (else nullptr) or a transaction's pending one, in order.
  using Visit = std::function<
      void(ByteView topic, std::int32_t partition, const CommittedOffset* offset, bool unstable)>;
  void each(ByteView group, const Visit& visit) const;

  // Whether the group has any offset at all, one that is only on its way too.
  [[nodiscard]] bool has(ByteView group) const { return groups_.contains(group); }

  void each_group(const std::function<void(ByteView group)>& visit) const;

  [[nodiscard]] std::size_t entries() const { return entries_; }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // Delete, pending ones too; say how many offsets go.
  std::size_t erase_group(ByteView group, GroupTurn& turn);
  std::size_t erase(ByteView group, ByteView topic, std::int32_t partition, GroupTurn& turn);
  std::size_t erase_topic(ByteView topic, GroupTurn& turn);

  // Since when an offset has not been needed, in hub time; nullopt: it is in use.
  using UnusedSince = std::function<
      std::optional<std::int64_t>(ByteView group, ByteView topic, const CommittedOffset& offset)>;
  // Deletes those that have not been needed for the retention; says how many, at most `rows_max`.
  std::size_t expire(const UnusedSince& unused_since, std::size_t rows_max, GroupTurn& turn);

  // Topics of which no offset expires here: they are a mirror's, whose origin tells when one goes.
  void set_kept(std::function<bool(ByteView topic)> kept) { kept_ = std::move(kept); }

  // Who wants to know of every offset that has changed, durably; those inside transactions do not count.
  void set_watcher(std::function<void(const OffsetKey&)> watcher) { watcher_ = std::move(watcher); }

  // The commit of the log that held the ticket's change has this outcome.
  void settled(const log::Ticket& ticket, const log::Group::Outcome& outcome);

 private:
  struct Staged {
    std::uint64_t serial = 0;
    std::optional<CommittedOffset> value;  // nullopt: it goes
  };

  struct Slot {
    std::optional<CommittedOffset> durable;
    std::vector<Staged> staged;  // in order
    std::uint32_t pending = 0;   // slots of transactions for the same partition

    [[nodiscard]] bool needed() const { return durable || !staged.empty() || pending > 0; }

    // What it will be when all that is staged has become durable.
    [[nodiscard]] const std::optional<CommittedOffset>& latest() const {
      return staged.empty() ? durable : staged.back().value;
    }
  };

  struct Place {
    std::int64_t producer_id = -1;  // below 0: not of a transaction
    OffsetKey key;
  };

  struct OfGroup {
    std::map<Bytes, std::map<std::int32_t, Slot>, std::less<>> topics;
    std::size_t entries = 0;
  };

  [[nodiscard]] GroupError refusal(const Place& place, const Entry& entry) const;
  std::vector<GroupError> stage_all(
      Place place,
      std::span<const Entry> entries,
      std::optional<std::chrono::milliseconds> retention,
      GroupTurn& turn
  );
  void stage(
      std::uint64_t serial,
      const Place& place,
      std::optional<CommittedOffset> value,
      log::Group::Tie tie,
      GroupTurn& turn
  );
  std::size_t erase_all(const std::vector<Place>& places, GroupTurn& turn);
  void wait(std::uint64_t serial, log::Group::Tie tie, GroupTurn& turn) const;

  [[nodiscard]] const Slot* find_slot(const Place& place) const;
  Slot& slot(const Place& place);  // made when it is not there
  void drop_if_unneeded(const Place& place);

  OffsetLimits limits_;
  std::uint32_t ticket_kind_;
  std::map<Bytes, OfGroup, std::less<>> groups_;
  std::map<std::int64_t, std::map<OffsetKey, Slot>> pending_;  // by producer id
  std::map<std::uint64_t, std::vector<Place>> staged_;         // by serial
  std::function<void(const OffsetKey&)> watcher_;
  std::function<bool(ByteView)> kept_;
  std::uint64_t last_serial_ = 0;
  std::size_t entries_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace runnel::core
