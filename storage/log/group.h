// What one commit holds: new records, changes of state, and the tickets of those who wait for it.
// Records and state of one group become durable together or not at all.
//
// Threads: built on one thread, then handed to the commit thread, then handed back.
#pragma once

#include <map>
#include <vector>

#include "storage/log/block.h"
#include "storage/log/control_batch.h"
#include "storage/log/leaps.h"
#include "storage/log/producers.h"
#include "storage/log/record_batch.h"
#include "storage/log/trims.h"

namespace runnel::log {

// Keys of state rows are at most this long (LMDB allows 511; one byte is our own).
constexpr std::size_t kStateKeyBytesMax = 500;

// Who waits for a commit, in words that only the waiter understands.
struct Ticket {
  std::uint64_t owner = 0;
  std::uint32_t tag = 0;
  std::uint32_t kind = 0;
  bool needs_records = false;  // the outcome of the records is the outcome of this ticket
  std::optional<PartitionId> replicated{};  // the mirrors of this partition are waited for too
};

class Group {
 public:
  // Adds a record behind those of the same partition. Its offset is given by the commit.
  void append(PartitionId partition, const NewRecord& record);

  // Adds a whole batch that a producer made, behind what that partition has so far: it is stored as
  // it came, but for base offset and leader epoch. It is one whose head BatchView takes. A batch of
  // an idempotent producer is stored only once, and only in its turn (producers.h). Returns its place
  // in outcome.batches.
  std::size_t append_batch(PartitionId partition, ByteView batch);

  // Adds a batch, a marker too, as another log has it, at its own offset: where the partition ends by
  // then, or behind that (leaps.h); one in front of that is not stored (Verdict::out_of_order). Its
  // producer is believed. The same place.
  std::size_t append_replica(PartitionId partition, ByteView batch);

  // In front of what this group appends to it, the partition goes on at `next`, if it has not come so
  // far: nothing was there.
  void leap(PartitionId partition, Offset next);

  // Ends the transaction of a producer in this partition, behind what that has so far.
  void append_marker(PartitionId partition, const TransactionMarker& marker);

  // A state row that speaks of a record of this group is not written when the records are refused.
  enum class Tie { none, records };

  // Sets or removes a state row; the last word on a key counts.
  void put_state(ByteView key, ByteView value, Tie tie = Tie::none);
  void erase_state(ByteView key, Tie tie = Tie::none);

  // The partition begins at `start` from the commit on, and never at less again; kGone: nothing in it is
  // ever read again, this group's records included. A start behind its end is taken for its end.
  void trim(PartitionId partition, Offset start, TrimReason why = TrimReason::deleted);

  void wait(const Ticket& ticket) { tickets_.push_back(ticket); }

  // Somebody waits who should not be kept by commit_interval.
  void hurry() { urgent_ = true; }

  [[nodiscard]] bool empty() const {
    return records_ == 0 && state_.empty() && tickets_.empty() && leaps_.empty();
  }
  [[nodiscard]] bool urgent() const { return urgent_; }
  [[nodiscard]] std::uint64_t records() const { return records_; }
  // Bytes that the group holds, for limits: encoded records and state.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // Values of the records alone: the payload that write amplification is measured against.
  // What compacted partitions were admitted to hold more (Log::admit).
  void promise(std::uint64_t bytes) { promised_bytes_ += bytes; }
  [[nodiscard]] std::uint64_t promised_bytes() const { return promised_bytes_; }

  [[nodiscard]] std::uint64_t payload_bytes() const { return payload_bytes_; }
  [[nodiscard]] const std::vector<Ticket>& tickets() const { return tickets_; }
  struct Change {
    std::optional<Bytes> value;  // nullopt: the row goes
    Tie tie = Tie::none;
  };

  using State = std::map<Bytes, Change, std::less<>>;

  [[nodiscard]] const State& state() const { return state_; }

  [[nodiscard]] const std::map<PartitionId, Trim>& trims() const { return trims_; }
  [[nodiscard]] const std::map<PartitionId, Offset>& leaps() const { return leaps_; }

  // For the log: batches in the order in which they are stored, grouped by partition.
  struct Batch {
    PartitionId partition{};
    BatchBuilder builder;
    Bytes made;             // by a producer; empty: the builder's
    ProducerStamp stamp;    // of such a one
    std::size_t place = 0;  // of such a one, in outcome.batches
    std::optional<Offset> at;  // of one that another log has given its offset
  };

  [[nodiscard]] std::vector<Batch*> batches();

  // What became of a producer's batch.
  struct Appended {
    Producers::Verdict verdict = Producers::Verdict::store;
    Offset base{};  // also of a duplicate
    std::int64_t append_time_ms = -1;  // that its records were given; -1: they keep their own
  };

  // Set by the commit.
  struct Outcome {
    Errc records = Errc::ok;
    Errc state = Errc::ok;
    Position first{};                // of the first record
    std::vector<BlockPtr> blocks;    // what was stored; empty when the records were refused
    std::vector<Appended> batches;   // by append_batch(); to be believed when `records` is ok
  };

  Outcome outcome;

  void clear();

 private:
  struct Lane {
    PartitionId partition{};
    std::vector<std::uint32_t> batches;  // indices into pool_
  };

  Lane& lane(PartitionId partition);
  Batch& open_batch(Lane& lane);
  Batch& append_made(PartitionId partition, ByteView batch);
  void change_state(ByteView key, Change change);

  std::vector<Lane> lanes_;                  // in order of first use
  std::vector<std::uint32_t> lane_of_;       // by partition id: index + 1, 0 for none
  std::vector<std::unique_ptr<Batch>> pool_; // kept over clear()
  std::uint32_t used_ = 0;                   // of pool_
  State state_;
  std::map<PartitionId, Trim> trims_;
  std::map<PartitionId, Offset> leaps_;
  std::vector<Ticket> tickets_;
  std::uint64_t records_ = 0;
  std::uint64_t payload_bytes_ = 0;
  std::uint64_t promised_bytes_ = 0;
  std::size_t bytes_ = 0;
  bool urgent_ = false;
};

}  // namespace runnel::log
