// Compacted partitions: which they are, the newest record of every key, and that it stays when its
// generation goes (compacted.h). All on the commit thread.
#include <algorithm>

#include "storage/base/logger.h"
#include "storage/log/log.h"

namespace runnel::log {
namespace {

// Of rows, in one commit of its own: about what one group takes.
constexpr std::size_t kKeptPerCommitBytes = 256 << 10;

// Rows that a newer record has taken the place of, that go with one commit.
constexpr std::size_t kStalePerCommit = 64;

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
  std::vector<PartitionId> orphans;  // they were compacted when the hub was last up
  if (first) {
    const std::lock_guard lock(mutex_);
    for (const auto& [partition, offset] : kept_) orphans.push_back(partition);
  }
  for (const PartitionId partition : orphans) {
    const auto rule = rules->find(partition);
    if (rule != rules->end() && rule->second.compacted) continue;
    compacted_.cover(partition);
    (void)load_keys(partition);
  }
  for (const PartitionId partition : compacted_.partitions()) {
    const auto rule = rules->find(partition);
    if (rule != rules->end() && rule->second.compacted) continue;
    for (const Offset offset : compacted_.uncover(partition)) {
      stale_.push_back(Compacted::row_name({partition, offset}));
    }
    publish_kept(partition);
  }
  for (const auto& [partition, rule] : *rules) {
    if (!rule.compacted || compacted_.covers(partition)) continue;
    compacted_.cover(partition);
    if (const auto loaded = load_keys(partition); !loaded) {
      logger::error(
          "log", logger::text("the keys of partition ", partition.value, " cannot all be read")
      );
    }
    publish_kept(partition);
  }
  publish_room();
}

Result<void> Log::load_keys(PartitionId partition) {
  Bytes prefix(kKeptKind);
  ByteWriter(prefix).be32(partition.value);
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
      drop_rows(compacted_.take_row(*where, *row));
    }
  }
  std::vector<Position> firsts;
  {
    const std::lock_guard lock(mutex_);
    for (const Slot& slot : chain_) firsts.push_back(slot.first);
  }
  for (const Position first : firsts) {
    const auto generation = generation_at(first);
    if (generation == nullptr) continue;
    const auto walked = generation->walk_blocks(
        generation->seek(partition, Offset(0)),
        [&](const BlockHead& head, ByteView block) {
          for (const BlockEntry& e : head.entries) {
            if (e.partition != partition) continue;
            drop_rows(compacted_.take(partition, block.substr(e.place, e.bytes), head.hub_ms));
          }
          return true;
        }
    );
    if (!walked) return walked;
  }
  return {};
}

void Log::note_keys(const std::vector<BlockPtr>& blocks) {
  if (compacted_.empty()) return;
  for (const BlockPtr& block : blocks) {
    for (const BlockEntry& e : block->head().entries) {
      if (!compacted_.covers(e.partition)) continue;
      drop_rows(compacted_.take(e.partition, block->batch(e), block->head().hub_ms));
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
  compacted_full_.store(
      compacted_.live_bytes() >= live_bytes_max(), std::memory_order_relaxed
  );
}

bool Log::refuses(PartitionId partition) const {
  if (!compacted_full_.load(std::memory_order_relaxed)) return false;
  const auto rules = this->rules();
  const auto rule = rules->find(partition);
  return rule != rules->end() && rule->second.compacted;
}

// Rows are carried from generation to generation, beside what each is for.
std::size_t Log::live_bytes_max() const {
  return std::min<std::uint64_t>(Compacted::kLiveBytesMax, options_.generation_bytes / 8);
}

// Copies newest records of the oldest generation, about `kKeptPerCommitBytes` of them, into rows.
Result<Log::Keeping> Log::keep_some() {
  std::shared_ptr<Generation> oldest;
  PartitionEnds ends;
  {
    const std::lock_guard lock(mutex_);
    if (chain_.size() < 2) return Keeping::done;
    oldest = generation_of(chain_.front());
    ends = chain_[1].starts;
  }
  std::vector<Compacted::Kept> kept;
  std::size_t bytes = 0;
  for (const PartitionId partition : compacted_.partitions()) {
    const auto end = ends.find(partition);
    if (end == ends.end() || oldest == nullptr) continue;
    std::set<Offset> wanted = compacted_.not_kept(partition, end->second);
    if (wanted.empty()) continue;
    const auto walked = oldest->walk_blocks(
        oldest->seek(partition, *wanted.begin()),
        [&](const BlockHead& head, ByteView block) {
          for (const BlockEntry& e : head.entries) {
            if (e.partition != partition) continue;
            bytes += Compacted::copy(
                partition, block.substr(e.place, e.bytes), head.hub_ms, wanted, kept
            );
          }
          return !wanted.empty() && bytes < kKeptPerCommitBytes;
        }
    );
    if (!walked && errc_of(walked.error()) != Errc::damaged) return walked.error();
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
  if (const auto done = txn->commit(); !done) return done.error();
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
  follow_compaction();
  if (compacted_.empty() || !active_->takes_blocks() || !has_room(2 * kKeptPerCommitBytes)) return;
  if (const auto kept = keep_some(); !kept && errc_of(kept.error()) != Errc::log_full) {
    fail(errc_of(kept.error()));
  }
  drop_rows(compacted_.forget_tombstones(hub_ms() - kTombstoneKept.count()));
}

}  // namespace runnel::log
