// Compacted partitions: which they are, the newest record of every key, and that it stays when its
// generation goes (compacted.h). All on the commit thread.
#include <algorithm>

#include "storage/base/logger.h"
#include "storage/log/log.h"
#include "storage/log/log_files.h"

namespace runnel::log {
namespace {

// Of rows, in one commit of its own: about what one group takes.
constexpr std::size_t kKeptPerCommitBytes = 256 << 10;

// Rows that a newer record has taken the place of, that go with one commit.
constexpr std::size_t kStalePerCommit = 64;

// Of what may be kept: records that delete keys have so much more, and a partition that begins to be
// compacted may find so many times as much.
constexpr std::uint64_t kForDeletes = 8;
constexpr std::uint64_t kTooMuch = 2;

constexpr std::chrono::milliseconds kTombstoneKept = std::chrono::hours(24);  // delete.retention.ms

}  // namespace

// At start: rows are readable at once, also before anybody has said which partitions are compacted.
Result<void> Log::load_kept() {
  return each_state(kKeptKind, [&](ByteView name, ByteView) {
    const auto where = Compacted::name_of(name);
    if (!where) return;
    const auto [at, fresh] = kept_.try_emplace(where->partition, where->offset);
    if (!fresh) at->second = std::min(at->second, where->offset);
  });
}

// Follows the rules, once there are some. What a partition that begins to be compacted already has is
// read now.
void Log::follow_compaction() {
  if (!rules_known_.load(std::memory_order_acquire)) return;
  const std::shared_ptr<const PartitionRuleMap> rules = this->rules();
  if (rules == compaction_rules_) return;
  const bool first = compaction_rules_ == nullptr;
  compaction_rules_ = rules;
  const auto compacted = [&](PartitionId partition) {
    const auto rule = rules->find(partition);
    return rule != rules->end() && rule->second.compacted;
  };
  if (first) release_gone();
  for (const PartitionId partition : compacted_.partitions()) {
    if (compacted(partition)) continue;
    for (const Offset offset : compacted_.uncover(partition)) {
      stale_.push_back(Compacted::row_name({partition, offset}));
    }
    publish_kept(partition);
  }
  for (const auto& [partition, rule] : *rules) {
    if (!rule.compacted || compacted_.covers(partition)) continue;
    compacted_.cover(partition);
    const auto loaded = load_keys(partition);
    if (!loaded && errc_of(loaded.error()) == Errc::too_large) {
      // Rows that it had before stay, since nothing says that they are wrong.
      compacted_.uncover(partition);
      logger::error(
          "log",
          logger::text(
              "partition ",
              partition.value,
              " is not compacted: the newest records of its keys take more than may be kept"
          )
      );
      continue;
    }
    // To go on would be to lose what could not be read now and may be read another time.
    if (!loaded) return void(fail(errc_of(loaded.error())));
    publish_kept(partition);
  }
  publish_room();
}

// Partitions of topics that have been deleted need no rows. What other partitions have stays, also when
// no rule speaks of them: it may be the rule that is damaged.
void Log::release_gone() {
  std::vector<PartitionId> gone;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [partition, offset] : kept_) {
      if (trims_->gone(partition)) gone.push_back(partition);
    }
  }
  for (const PartitionId partition : gone) release_rows(partition);
}

bool Log::has_rows(PartitionId partition) const {
  const std::lock_guard lock(mutex_);
  return kept_.contains(partition);
}

void Log::release_rows(PartitionId partition) {
  Bytes prefix(kKeptKind);
  ByteWriter(prefix).be32(partition.value);
  (void)each_state(prefix, [&](ByteView name, ByteView) { stale_.emplace_back(name); });
  const std::lock_guard lock(mutex_);
  kept_.erase(partition);
}

Result<void> Log::load_keys(PartitionId partition) {
  Bytes prefix(kKeptKind);
  ByteWriter(prefix).be32(partition.value);
  // What it let go of when it was last compacted, and is still there, is its own again.
  std::erase_if(stale_, [&](const Bytes& name) { return name.starts_with(prefix); });
  std::vector<std::pair<Bytes, Bytes>> rows;
  RUNNEL_TRY(each_state(prefix, [&](ByteView name, ByteView value) {
    rows.emplace_back(name, value);
  }));
  for (const auto& [name, value] : rows) {
    const auto where = Compacted::name_of(name);
    const auto row = Compacted::decode(value);
    if (!where || !row) {
      stale_.push_back(name);
    } else {
      drop_rows(compacted_.take_row(*where, *row, producers_));
    }
  }
  const Offset start = trims()->start(partition);
  for (const Position first : generations()) {
    const auto generation = generation_at(first);
    if (!generation && hole(generation.error())) continue;
    if (!generation) return generation.error();
    const auto walked = (*generation)->walk_blocks(
        (*generation)->seek(partition, start),
        [&](const BlockHead& head, ByteView block) {
          for (const BlockEntry& e : head.entries) {
            if (e.partition != partition) continue;
            drop_rows(compacted_.take(partition, block.substr(e.place, e.bytes)));
          }
          return compacted_.live_bytes() <= kTooMuch * live_bytes_max();
        }
    );
    if (!walked && !hole(walked.error())) return walked;
    if (compacted_.live_bytes() > kTooMuch * live_bytes_max()) return Errc::too_large;
  }
  drop_rows(compacted_.trim(partition, start));
  return {};
}

// What a commit has stored, and trimmed.
void Log::note_keys(const Group& group, const std::vector<BlockPtr>& blocks) {
  for (const auto& [partition, trim] : group.trims()) {
    if (compacted_.covers(partition)) {
      drop_rows(compacted_.trim(partition, trims()->start(partition)));
      publish_kept(partition);
    } else if (trim.start == kGone && has_rows(partition)) {
      release_rows(partition);
    }
  }
  if (compacted_.empty()) return;
  for (const BlockPtr& block : blocks) {
    for (const BlockEntry& e : block->head().entries) {
      if (!compacted_.covers(e.partition)) continue;
      drop_rows(compacted_.take(e.partition, block->batch(e)));
      publish_kept(e.partition);
    }
  }
  publish_room();
}

void Log::drop_rows(const std::vector<Compacted::Name>& names) {
  for (const Compacted::Name& name : names) stale_.push_back(Compacted::row_name(name));
}

std::size_t Log::stale_now() const { return std::min(stale_.size(), kStalePerCommit); }

void Log::publish_kept(PartitionId partition) {
  const auto first = compacted_.first_kept(partition);
  const std::lock_guard lock(mutex_);
  if (first) {
    kept_[partition] = *first;
  } else {
    kept_.erase(partition);
  }
}

void Log::publish_room() {
  live_bytes_.store(compacted_.live_bytes(), std::memory_order_relaxed);
}

bool Log::compacts(PartitionId partition) const {
  if (!some_compacted_.load(std::memory_order_relaxed)) return false;
  const auto rules = this->rules();
  const auto rule = rules->find(partition);
  return rule != rules->end() && rule->second.compacted;
}

bool Log::admit(const Growth& growth, Group& group) const {
  const std::uint64_t promised = promised_bytes_.load(std::memory_order_relaxed);
  const std::uint64_t held = live_bytes_.load(std::memory_order_relaxed) + promised;
  const std::uint64_t max = live_bytes_max();
  // Who is to make room must be able to.
  if (held + growth.bytes > max + (growth.only_deletes ? max / kForDeletes : 0)) return false;
  promised_bytes_.fetch_add(growth.bytes, std::memory_order_relaxed);
  group.promise(growth.bytes);
  return true;
}

// Rows are carried from generation to generation, beside what each is for.
std::size_t Log::live_bytes_max() const {
  return std::min<std::uint64_t>(Compacted::kLiveBytesMax, options_.generation_bytes / 8);
}

// Copies newest records of the oldest generation, about `kKeptPerCommitBytes` of them, into rows.
Result<Log::Keeping> Log::keep_some() {
  if (compacted_.empty()) return Keeping::done;
  GenerationResult oldest = Errc::not_found;
  PartitionEnds ends;
  {
    const std::lock_guard lock(mutex_);
    if (chain_.size() < 2) return Keeping::done;
    oldest = generation_of(chain_.front());
    ends = chain_[1].starts;
  }
  if (!oldest && !hole(oldest.error())) return oldest.error();
  const std::int64_t now = hub_ms();
  std::vector<Compacted::Kept> kept;
  std::size_t bytes = 0;
  for (const PartitionId partition : compacted_.partitions()) {
    const auto end = ends.find(partition);
    if (end == ends.end() || !oldest) continue;
    Compacted::Wanted wanted = compacted_.not_kept(partition, end->second);
    if (wanted.empty()) continue;
    const auto walked = (*oldest)->walk_blocks(
        (*oldest)->seek(partition, wanted.begin()->first),
        [&](const BlockHead& head, ByteView block) {
          for (const BlockEntry& e : head.entries) {
            if (e.partition != partition) continue;
            bytes += Compacted::copy(
                partition, block.substr(e.place, e.bytes), now, wanted, kept
            );
          }
          return !wanted.empty() && bytes < kKeptPerCommitBytes;
        }
    );
    if (!walked && !hole(walked.error())) return walked.error();
    // What cannot be read any more is lost, and nothing waits for it.
    if (bytes < kKeptPerCommitBytes) compacted_.lose(partition, wanted);
    if (bytes >= kKeptPerCommitBytes) break;
  }
  if (kept.empty()) return Keeping::done;
  auto txn = WriteTxn::begin(active_->env());
  if (!txn) return txn.error();
  for (const Compacted::Kept& k : kept) {
    const Bytes key = state_key(Compacted::row_name(k.name));
    RUNNEL_TRY(txn->put(key, with_checksum(key, k.row)));
  }
  if (const auto done = txn->commit(); !done) return failed_commit(done.error());
  for (const Compacted::Kept& k : kept) {
    compacted_.keep(k);
    publish_kept(k.name.partition);
  }
  return Keeping::perhaps_more;
}

// Before the oldest generation goes: all that must stay of it.
Result<void> Log::keep_newest() {
  for (;;) {
    const auto kept = keep_some();
    if (!kept) return kept.error();
    if (*kept == Keeping::done) return {};
  }
}

// Ahead of need, a little at a time: a generation that has to go in a hurry should have little left.
void Log::compact_a_little() {
  if (compacted_.empty() || !active_->takes_blocks() || !has_room(2 * kKeptPerCommitBytes)) return;
  if (const auto kept = keep_some(); !kept && errc_of(kept.error()) != Errc::log_full) {
    fail(errc_of(kept.error()));
  }
  const auto gone = compacted_.forget_tombstones(hub_ms() - kTombstoneKept.count());
  drop_rows(gone);
  for (const Compacted::Name& name : gone) publish_kept(name.partition);
  publish_room();
}

}  // namespace runnel::log
