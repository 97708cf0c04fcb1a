// The durable log: a chain of generations (generation.h), the newest of which takes every commit.
//
// Promises, each with a test of its name in tests/unit/storage/log_test.cpp:
//   1. commit() reports success only after the transaction that holds the group is on stable
//   storage.
//   2. Records and state of a group become durable together or not at all.
//   3. Offsets are dense per partition, and positions over the whole log; a refused group uses
//   none.
//   4. After a failed write or flush nothing succeeds again in this process. (A file that is only
//   being
//      made is not yet part of the log: when it meets a full file system, it is thrown away.)
//   5. The files never take more than the ceiling, also not for a moment while one follows another.
//   6. accepted = stored + expired + discarded, to the record, over restarts. Stored is what is in the
//      files, also what has been trimmed (trims.h), which is counted beside.
//
// Threads: commit() and maintain() by one thread, the commit thread. Everything else from any
// thread.
#pragma once

#include <atomic>
#include <limits>
#include <list>
#include <optional>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/metrics.h"
#include "storage/log/compacted.h"
#include "storage/log/generation.h"
#include "storage/log/group.h"
#include "storage/log/leaps.h"
#include "storage/log/partition_rules.h"

namespace runnel::log {

struct LogOptions {
  std::filesystem::path dir;                           // made when it is not there
  std::uint64_t limit_bytes = std::uint64_t{1} << 30;  // the ceiling, all overhead included
  std::uint64_t generation_bytes = std::uint64_t{64} << 20;
  std::optional<std::chrono::milliseconds> retention;  // by hub time; nullopt: until the ceiling
  bool reject_when_full = false;                       // otherwise the oldest generation goes
};

struct PartitionRange {
  Offset log_start{};
  Offset high_watermark{};
  Offset last_stable{};  // of the oldest open transaction; otherwise the high watermark
};

// Whether records of transactions are read that may still be aborted, or were (KIP-98).
enum class Isolation { read_uncommitted, read_committed };

// A piece of a partition, as fetch() returns it.
struct Fetched {
  Bytes batches;  // whole RecordBatches, the first one holding the offset asked for
  PartitionRange range;
  // With read_committed: whose records among these, from which offset on, are to be left out.
  std::vector<Producers::Aborted> aborted;
  std::uint32_t damaged = 0;  // records on the way that a wrong checksum took
  Offset next{};  // behind all that was read or passed over; there may be no batch in front of it
};

// Asks find_time() for the record with the largest timestamp.
constexpr std::int64_t kNewestTime = std::numeric_limits<std::int64_t>::max();

class Log {
 public:
  struct Totals {
    std::uint64_t accepted = 0;  // records ever committed
    std::uint64_t stored = 0;
    std::uint64_t expired = 0;    // by age
    std::uint64_t discarded = 0;  // by the ceiling, or with a damaged oldest generation
    std::uint64_t hidden = 0;     // of stored: trimmed, so that nobody can read it any more
    std::uint64_t trimmed_on_request = 0;  // records ever trimmed, in the files or not
    std::uint64_t trimmed_by_age_or_size = 0;
    std::uint64_t damaged = 0;    // generations that had to be set aside at start
    std::uint64_t disk_bytes = 0;
    std::uint64_t generations = 0;
  };

  struct Metrics {
    Histogram commit_us{100};
    Histogram commit_records{1};
    Counter payload_bytes;
    Counter block_bytes;
  };

  // Opens or makes the log in options.dir, and takes its lock. A generation that cannot be opened
  // is renamed to *.damaged, reported and counted: the hub always starts. `clock` outlives the log.
  static Result<std::unique_ptr<Log>> open(LogOptions options, const Clock& clock);
  ~Log();

  // Makes the group durable; fills group.outcome and returns its worst part:
  //   log_full    the ceiling is reached and the policy is to reject, or the group is larger than a
  //               generation: the state alone was committed
  //   no_space    the file system has no room for the next generation: likewise
  //   log_failed  a write or flush failed, now or before: nothing of this group counts as stored
  Errc commit(Group& group);

  // Retention of the log and, once a minute, of single partitions; and a ceiling that has been lowered. Cheap when there is nothing to do; call
  // it every second or so.
  void maintain();

  // What may change while running: ceiling, retention, policy. Takes effect at the next commit or
  // maintain().
  void set_limits(const LogOptions& options);

  // What single partitions want; all others want nothing. Takes effect with the next commit, and
  // retention with the next maintain() that looks at it.
  void set_rules(PartitionRuleMap rules);

  // What somebody still needs: of these partitions, retention and the ceiling take nothing from these
  // offsets on. A log that is full of it refuses records as with reject_when_full. Takes effect with the
  // next commit.
  void set_holds(Holds holds);

  // What has been trimmed, as of the last commit. Never null.
  [[nodiscard]] std::shared_ptr<const Trims> trims() const;

  // The rows of the state whose names begin with `prefix`, in order. For start-up. A row with a
  // wrong checksum is reported and passed over.
  Result<void> each_state(
      ByteView prefix, const std::function<void(ByteView name, ByteView value)>& visit
  ) const;

  // The block that holds `position`. not_found: retired (below first()) or not yet written.
  // damaged: there is something, but its head cannot be believed; go on behind it with
  // skip_damaged.
  Result<BlockPtr> read_block(Position position) const;

  // The first position behind `position` at which a readable block begins.
  Position skip_damaged(Position position) const;

  // Batches of a partition from `offset` on, at least one if there is one, about `bytes_max` in
  // all; with read_committed, none from the last stable offset on. not_found: the offset is outside
  // [log start, high watermark].
  Result<Fetched> fetch(
      PartitionId partition,
      Offset offset,
      std::size_t bytes_max,
      Isolation isolation = Isolation::read_uncommitted
  ) const;

  // The first record of `partition`, by offset, whose timestamp is at least `at_least_ms`; with
  // kNewestTime the first of those with the largest timestamp. Looks into no batch whose records are
  // all older. not_found: there is none.
  Result<TimedOffset> find_time(PartitionId partition, std::int64_t at_least_ms) const;

  // The idempotent producers that are remembered in a partition, by id.
  using KnownProducers = std::vector<std::pair<std::int64_t, Producers::Entry>>;
  Result<KnownProducers> producers(PartitionId partition) const;

  // What the files take, and in them the batches of each partition, also those that are trimmed, until
  // their generation is retired. The first call after a start looks into every generation.
  struct DiskUse {
    std::string dir;
    std::uint64_t bytes = 0;
    std::uint64_t limit_bytes = 0;  // the ceiling
    Generation::Sizes partitions;
  };
  Result<DiskUse> disk_use() const;

  // About how many bytes of batches a partition has from `offset` on: to the byte in generations that lie
  // behind it, in proportion to the offsets in the one that it lies in.
  [[nodiscard]] std::uint64_t bytes_from(PartitionId partition, Offset offset) const;

  // Over all partitions, in the order of the log: the position of the first record whose timestamp is
  // at least that; of the record of `partition` at `offset`, or the first readable one behind it.
  // end() when there is none.
  Result<Position> position_at(std::int64_t at_least_ms) const;
  Result<Position> position_of(PartitionId partition, Offset offset) const;

  [[nodiscard]] PartitionRange range(PartitionId partition) const;

  [[nodiscard]] Position first() const { return Position(first_.load(std::memory_order_acquire)); }

  [[nodiscard]] Position end() const { return Position(end_.load(std::memory_order_acquire)); }

  // Whether the partition is compacted: what it is to be given must then be admitted.
  [[nodiscard]] bool compacts(PartitionId partition) const;

  // Whether compacted partitions may hold that much more (compacted.h); if so it is promised to what
  // is put into `group`, until that is committed. From the thread that fills the group.
  [[nodiscard]] bool admit(const Growth& growth, Group& group) const;

  [[nodiscard]] bool failed() const { return failed_.load(std::memory_order_relaxed); }

  [[nodiscard]] std::uint32_t boot() const { return boot_; }

  [[nodiscard]] Totals totals() const;

  [[nodiscard]] const Metrics& metrics() const { return metrics_; }

  // Hub time now (clock.h).
  [[nodiscard]] std::int64_t hub_ms() const;

 private:
  struct Slot {
    GenerationId id{};
    Position first{};
    PartitionEnds starts;
    std::int64_t last_hub_ms = 0;
    std::uint64_t file_bytes = 0;
    mutable std::shared_ptr<Generation> open;
    mutable std::weak_ptr<Generation> known;  // a file is never opened twice in a process
    mutable std::uint64_t used_at = 0;
    // Of a sealed one, once somebody wanted it.
    mutable std::shared_ptr<const Generation::Summary> summary;
    mutable std::shared_ptr<const Generation::Sizes> sizes;
  };

  Log(LogOptions options, const Clock& clock);

  // A damaged file that was set aside. It counts against the ceiling, and goes before records do.
  struct Aside {
    std::filesystem::path path;
    std::uint64_t bytes = 0;
  };

  Result<void> take_lock();
  Result<void> recover();
  Result<void> load_producers();
  Result<void> load_trims();
  std::shared_ptr<Generation> open_newest(std::vector<GenerationId>& ids, Errc& trouble);
  Result<void> open_chain(
      const std::vector<GenerationId>& ids, const std::shared_ptr<Generation>& newest
  );
  void list_aside();
  void set_aside(GenerationId id);
  Result<void> begin_chain(std::uint32_t boot, const HubClock::Mark& mark);

  // What a group comes to: blocks, and what its batches change of their producers.
  struct Plan {
    explicit Plan(const Producers& producers) : stage(producers) {}

    std::vector<BlockPtr> blocks;
    Producers::Stage stage;
    bool records_refused = false;  // only the state is written
    std::size_t forgotten = 0;     // of forgotten_, whose rows go
    std::size_t stale = 0;         // of stale_, which go
    std::shared_ptr<const Trims> trims;  // after this commit; nullptr: as before
    std::vector<Trims::Row> trim_rows;
    std::shared_ptr<Leaps> leaps;  // after this commit; nullptr: as before
    std::map<PartitionId, Offset> leapt;
  };

  void build_blocks(Group& group, Plan& plan);
  bool judge(Group::Batch& batch, Group& group, Offset base, std::int64_t hub, Plan& plan) const;
  Errc commit_group(Group& group);
  Errc commit_parts(Group& group, const Plan& plan);
  Result<void> write(Generation& generation, const Group& group, const Plan& plan);
  void publish(const Plan& plan);
  void publish_open(PartitionId partition);
  void plan_trims(const Group& group, Plan& plan) const;

  // log_leaps.cpp
  Result<void> load_leaps();
  [[nodiscard]] std::shared_ptr<const Leaps> leaps() const;
  void go_on_at(PartitionId partition, Offset next);
  void plan_leaps(const Group& group, Plan& plan) const;
  void plan_leap(PartitionId partition, Offset end, Offset next, Plan& plan) const;
  void publish_leaps(const Plan& plan);
  [[nodiscard]] Offset start_of(PartitionId partition) const;  // mutex_ held
  Errc fail(Errc cause);

  [[nodiscard]] std::shared_ptr<const Holds> holds() const;
  [[nodiscard]] bool oldest_is_held() const;
  [[nodiscard]] bool has_room(std::uint64_t need_bytes) const;
  LogOptions limits() const;
  [[nodiscard]] std::shared_ptr<const PartitionRuleMap> rules() const;
  Result<void> make_room(std::uint64_t more_bytes);
  Result<void> roll();
  Result<void> apply_retention(const LogOptions& limits);
  enum class Why { expired, discarded };
  Result<void> retire_oldest(Why why);
  [[nodiscard]] std::vector<PartitionId> trims_of_oldest_alone() const;
  void apply_rules();
  [[nodiscard]] Offset aged_start(PartitionId partition, std::int64_t until_hub_ms) const;
  [[nodiscard]] Offset oversized_start(PartitionId partition, std::uint64_t bytes_max) const;

  // log_compaction.cpp
  Result<void> load_kept();
  void follow_compaction();
  Result<void> load_keys(PartitionId partition);
  void release_gone();
  [[nodiscard]] bool has_rows(PartitionId partition) const;
  void release_rows(PartitionId partition);
  void note_keys(const Group& group, const std::vector<BlockPtr>& blocks);
  void drop_rows(const std::vector<Compacted::Name>& names);
  [[nodiscard]] std::size_t stale_now() const;
  void publish_kept(PartitionId partition);
  void publish_room();
  [[nodiscard]] std::size_t live_bytes_max() const;
  enum class Keeping { perhaps_more, done };
  Result<Keeping> keep_some();
  Result<void> keep_newest();
  void compact_a_little();

  // Of these, Errc::damaged and not_found mean a hole; anything else, that it may work another time.
  using GenerationResult = Result<std::shared_ptr<Generation>>;
  GenerationResult generation_of(const Slot& slot) const;  // mutex_ held
  GenerationResult generation_at(Position position) const;
  GenerationResult generation_for(PartitionId partition, Offset offset) const;
  const Slot* slot_at(Position position) const;  // mutex_ held
  template <class Ask, class Place>
  auto known_of(Position first, Ask ask, Place place) const
      -> Result<std::remove_cvref_t<std::invoke_result_t<Place, const Slot&>>>;
  // The first positions of all generations, oldest first.
  [[nodiscard]] std::vector<Position> generations() const;
  Result<std::shared_ptr<const Generation::Summary>> summary_at(Position first) const;
  Result<std::shared_ptr<const Generation::Sizes>> sizes_at(Position first) const;
  // What a fetch is after, and how far it has come.
  struct Reading {
    PartitionId partition{};
    Offset next{};
    Offset end{};
    std::size_t bytes_max = 0;
    bool full = false;  // the next batch would have been too much
    bool leaps = false;  // holes are no damage
  };

  Result<void> fetch_from(const Generation& generation, Reading& reading, Fetched& out) const;
  Result<Fetched> fetch_once(
      PartitionId partition,
      Offset offset,
      std::size_t bytes_max,
      Isolation isolation,
      Offset oldest
  ) const;
  Result<void> list_aborted(PartitionId partition, Offset from, Offset until, Fetched& out) const;
  Result<void> fetch_kept(Reading& reading, Offset until, Fetched& out) const;
  Result<void> each_kept(
      PartitionId partition, Offset from, const std::function<void(Offset, std::int64_t)>& visit
  ) const;
  [[nodiscard]] std::int64_t newest_time(PartitionId partition, Offset start) const;
  [[nodiscard]] std::int64_t newest_time_in_kept(PartitionId partition, Offset from) const;
  Result<TimedOffset> find_time_in_kept(
      PartitionId partition, std::int64_t at_least_ms, Offset from
  ) const;
  [[nodiscard]] Offset oldest_of(PartitionId partition) const;  // in the chain
  // What the first generation that has it answers; end() when none has.
  Result<Position> first_in_chain(const std::function<Result<Position>(const Generation&)>& look) const;
  Offset next_start(PartitionId partition, Offset behind, Offset otherwise) const;

  LogOptions options_;
  const Clock& clock_;
  int lock_fd_ = -1;
  std::uint32_t boot_ = 0;
  std::shared_ptr<Generation> active_;  // commit thread
  Producers producers_;                 // commit thread
  std::optional<Instant> rules_applied_;    // commit thread
  std::vector<Producers::Name> forgotten_;  // commit thread: whose rows go with the next commit
  Compacted compacted_;                     // commit thread
  std::shared_ptr<const PartitionRuleMap> compaction_rules_;  // commit thread: those it follows
  std::vector<Bytes> stale_;                // commit thread: names of its rows that go

  mutable std::mutex mutex_;  // the chain, ends, retired, hub clock, options
  std::vector<Slot> chain_;   // oldest first; the last is the active one
  std::vector<Offset> ends_;  // by partition id
  std::map<PartitionId, Offset> open_;  // where the oldest open transaction began
  std::map<PartitionId, Offset> kept_;  // the first record of a compacted partition with a row
  Retired retired_;
  std::shared_ptr<const Trims> trims_ = std::make_shared<const Trims>();
  std::shared_ptr<const Leaps> leaps_ = std::make_shared<const Leaps>();
  std::shared_ptr<const PartitionRuleMap> rules_ = std::make_shared<const PartitionRuleMap>();
  std::shared_ptr<const Holds> holds_ = std::make_shared<const Holds>();
  std::uint64_t damaged_ = 0;
  std::vector<Aside> aside_;
  mutable std::uint64_t uses_ = 0;
  mutable std::optional<HubClock> hub_clock_;

  std::atomic<std::uint64_t> first_{0};
  std::atomic<std::uint64_t> end_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> some_compacted_{false};           // by the rules
  std::atomic<std::uint64_t> live_bytes_{0};          // compacted_'s, as of the last commit
  mutable std::atomic<std::uint64_t> promised_bytes_{0};  // admitted, and not committed yet
  std::atomic<bool> rules_known_{false};  // set_rules() was called
  Metrics metrics_;
};

}  // namespace runnel::log
