#include "storage/log/log.h"

#include <unistd.h>

#include <algorithm>

#include "storage/base/logger.h"
#include "storage/log/commit_size.h"
#include "storage/log/foreign_batch.h"
#include "storage/log/log_files.h"

namespace runnel::log {
namespace {

// A generation is sealed when a group would take it beyond this; the rest is for its index, for
// state that changes while intake is refused, and for the pages that LMDB frees late.
constexpr double kFillMax = 0.9;

// What rows may take of the records that they are copied from, in half full pages.
constexpr std::uint64_t kKeptRoomFactor = 3;

// There is one leader of every partition, this hub, for ever.
constexpr std::int32_t kLeaderEpoch = 0;

// Rows of forgotten producers go a few at a time: together they may not fit into one commit.
constexpr std::size_t kForgottenPerCommit = 16;

}  // namespace

Log::Log(LogOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

Log::~Log() {
  active_.reset();
  chain_.clear();
  if (lock_fd_ >= 0) ::close(lock_fd_);  // last: from here on another may open the files
}

Errc Log::fail(Errc cause) {
  if (!failed_.exchange(true)) {
    logger::error(
        "log",
        logger::text(
            "a write or flush failed (",
            describe(cause),
            ": ",
            Env::last_error(),
            "); nothing is acknowledged any more, restart to recover what the disk has"
        )
    );
  }
  return Errc::log_failed;
}

// Whether a producer's batch is to be stored at `base`; its outcome says what became of it.
bool Log::judge(
    Group::Batch& batch, Group& group, Offset base, std::int64_t hub, Plan& plan
) const {
  Group::Appended& appended = group.outcome.batches[batch.place];
  appended = {Producers::Verdict::store, base};
  if (batch.stamp.id < 0) return true;
  if (batch.at) {
    plan.stage.store(batch.partition, batch.stamp, base, hub);
    return true;
  }
  const Producers::Judgement judged = plan.stage.judge(batch.partition, batch.stamp);
  if (judged.verdict != Producers::Verdict::store) {
    appended = {judged.verdict, judged.base};
    return false;
  }
  plan.stage.store(batch.partition, batch.stamp, base, hub);
  return true;
}

void Log::build_blocks(Group& group, Plan& plan) {
  BlockBuilder builder;
  Position position = end();
  const std::int64_t hub = hub_ms();
  const WallTime wall = clock_.wall();
  std::map<PartitionId, std::int64_t> added;
  const auto rules = this->rules();
  const auto append_time = [&](PartitionId partition) {
    return wants_append_time(*rules, partition) ? std::optional(wall.ms) : std::nullopt;
  };
  const auto finish = [&] {
    const std::uint32_t records = builder.records();
    auto block = Block::make(builder.finish(position, hub, wall, boot_), true);
    RUNNEL_CHECK(block);
    position = Position(position.value + records);
    plan.blocks.push_back(std::move(*block));
  };
  for (Group::Batch* batch : group.batches()) {
    const std::size_t id = batch->partition.value;
    Offset end_now = id < ends_.size() ? ends_[id] : Offset(0);
    if (const auto leap = plan.leapt.find(batch->partition); leap != plan.leapt.end()) {
      end_now = std::max(end_now, leap->second);
    }
    std::int64_t& more = added[batch->partition];
    Offset base(end_now.value + more);
    if (batch->at && *batch->at < base) {
      group.outcome.batches[batch->place] = {Producers::Verdict::out_of_order, base};
      continue;
    }
    if (batch->at && *batch->at > base) {
      plan_leap(batch->partition, base, *batch->at, plan);
      base = *batch->at;
      more = 0;  // from here on
    }
    std::uint32_t records = 0;
    if (batch->made.empty()) {
      batch->builder.seal(base, append_time(batch->partition));
      records = batch->builder.records();
    } else {
      if (!judge(*batch, group, base, hub, plan)) continue;
      place_batch(batch->made, base, kLeaderEpoch);
      if (const auto ms = batch->at ? std::nullopt : append_time(batch->partition)) {
        stamp_append_time(batch->made, *ms);
        group.outcome.batches[batch->place].append_time_ms = *ms;
      }
      records = static_cast<std::uint32_t>(batch->stamp.records);
    }
    const ByteView bytes = batch->made.empty() ? batch->builder.bytes() : ByteView(batch->made);
    more += records;
    const std::size_t entry = bytes.size() + kBlockEntryBytes;
    if (!builder.empty() && builder.size() + entry > kBlockBytesTarget) finish();
    builder.add(batch->partition, base, records, bytes);
  }
  if (!builder.empty()) finish();
}

bool Log::has_room(std::uint64_t need_bytes) const {
  if (!active_->takes_blocks()) return false;
  // Rows of what is newest in older generations must find room whenever one of these has to go.
  const std::uint64_t kept =
      kKeptRoomFactor * std::min<std::uint64_t>(compacted_.not_kept_bytes(), live_bytes_max());
  const auto fill = static_cast<double>(active_->env().used_bytes() + need_bytes + kept);
  return fill <= kFillMax * static_cast<double>(active_->env().map_bytes());
}

Result<void> Log::write(Generation& generation, const Group& group, const Plan& plan) {
  auto txn = WriteTxn::begin(generation.env());
  if (!txn) return txn.error();
  const bool with_records = !plan.records_refused;
  // Behind a seal they would be lost.
  RUNNEL_CHECK(!with_records || plan.blocks.empty() || generation.takes_blocks());
  const auto put = [&](ByteView name, ByteView value) {
    const Bytes key = state_key(name);
    return txn->put(key, with_checksum(key, value));
  };
  for (const auto& [name, change] : group.state()) {
    if (!with_records && change.tie == Group::Tie::records) continue;
    RUNNEL_TRY(change.value ? put(name, *change.value) : txn->erase(state_key(name)));
  }
  for (const auto& [name, value] : plan.trim_rows) RUNNEL_TRY(put(name, value));
  for (const auto& [partition, next] : plan.leapt) {
    RUNNEL_TRY(put(Leaps::row_name(partition), Leaps::encode(plan.leaps->all().at(partition))));
  }
  for (std::size_t i = 0; i < plan.forgotten; ++i) {
    RUNNEL_TRY(txn->erase(state_key(Producers::row_name(forgotten_[i]))));
  }
  for (std::size_t i = 0; i < plan.stale; ++i) RUNNEL_TRY(txn->erase(state_key(stale_[i])));
  if (with_records) {
    for (const auto& [name, entry] : plan.stage.changes()) {
      RUNNEL_TRY(put(Producers::row_name(name), Producers::encode(entry)));
    }
    for (const Producers::Aborted& aborted : plan.stage.aborted()) {
      const Bytes key = aborted_key(aborted.partition, aborted.marker);
      RUNNEL_TRY(txn->put(key, with_checksum(key, encode_aborted(aborted))));
      for (const auto& row : compacted_.undone_by_abort({aborted.partition, aborted.producer})) {
        RUNNEL_TRY(txn->erase(state_key(Compacted::row_name(row))));
      }
    }
    for (const BlockPtr& block : plan.blocks) {
      RUNNEL_TRY(txn->append(block_key(block->first()), block->bytes()));
    }
  }
  return txn->commit();
}

void Log::publish(const Plan& plan) {
  const std::vector<BlockPtr>& blocks = plan.blocks;
  active_->committed(blocks);
  const std::lock_guard lock(mutex_);
  for (const auto& [name, entry] : plan.stage.changes()) publish_open(name.partition);
  for (const BlockPtr& block : blocks) {
    for (const BlockEntry& e : block->head().entries) {
      if (e.partition.value >= ends_.size()) ends_.resize(std::size_t{e.partition.value} + 1);
      ends_[e.partition.value] = Offset(e.base.value + e.records);
    }
    chain_.back().last_hub_ms = block->head().hub_ms;
    metrics_.block_bytes.add(block->size());
  }
  end_.store(blocks.back()->end().value, std::memory_order_release);
}

// mutex_ held.
void Log::publish_open(PartitionId partition) {
  if (const auto first = producers_.first_open(partition)) {
    open_[partition] = *first;
  } else {
    open_.erase(partition);
  }
}

// Commits what there is, in the active generation or, when that has no room, in the next one. State
// alone may use the reserve of a generation that cannot be followed by another.
Errc Log::commit_parts(Group& group, const Plan& plan) {
  static const std::vector<BlockPtr> kNone;
  const auto& blocks = plan.records_refused ? kNone : plan.blocks;
  std::size_t rows =
      plan.stage.changes().size() + plan.stage.aborted().size() + plan.forgotten + plan.stale +
      plan.leapt.size();
  for (const Producers::Aborted& aborted : plan.stage.aborted()) {
    rows += compacted_.undone_by_abort({aborted.partition, aborted.producer}).size();
  }
  const std::uint64_t need =
      commit_bytes_max(group, blocks, rows, active_->env().tree_pages(), !plan.records_refused);
  const auto generation_bytes = static_cast<double>(options_.generation_bytes);
  if (static_cast<double>(need) > kFillMax * generation_bytes) return Errc::log_full;
  bool rolled = false;
  const auto follow = [&]() -> Errc {
    rolled = true;
    const auto done = roll();
    if (done) return Errc::ok;
    return refused(done.error()) ? errc_of(done.error()) : fail(errc_of(done.error()));
  };
  // One that holds no block yet would be followed by its like.
  if (!has_room(need) && (!active_->takes_blocks() || active_->has_blocks())) {
    const Errc followed = follow();
    if (followed == Errc::log_failed || (followed != Errc::ok && !blocks.empty())) return followed;
  }
  auto written = write(*active_, group, plan);
  if (!written && errc_of(written.error()) == Errc::log_full && !rolled) {
    // The estimate was wrong: LMDB refused before anything changed.
    if (const Errc followed = follow(); followed != Errc::ok) return followed;
    written = write(*active_, group, plan);
  }
  if (written) {
    if (plan.trims != nullptr) {
      const std::lock_guard lock(mutex_);
      trims_ = plan.trims;
    }
    const auto gone = forgotten_.begin() + static_cast<std::ptrdiff_t>(plan.forgotten);
    forgotten_.erase(forgotten_.begin(), gone);
    stale_.erase(stale_.begin(), stale_.begin() + static_cast<std::ptrdiff_t>(plan.stale));
    // One that has come back has a row again.
    if (!plan.records_refused && !plan.stage.changes().empty()) {
      std::erase_if(forgotten_, [&](const auto& name) {
        return plan.stage.changes().contains(name);
      });
    }
    return Errc::ok;
  }
  const Errc why = errc_of(written.error());
  return why == Errc::log_full ? why : fail(why);
}

Errc Log::commit(Group& group) {
  const Errc outcome = commit_group(group);
  promised_bytes_.fetch_sub(group.promised_bytes(), std::memory_order_relaxed);
  return outcome;
}

Errc Log::commit_group(Group& group) {
  if (failed()) return group.outcome.records = group.outcome.state = Errc::log_failed;
  const Instant begun = clock_.now();
  Plan plan(producers_);
  follow_compaction();
  if (failed()) return group.outcome.records = group.outcome.state = Errc::log_failed;
  plan.forgotten = std::min(forgotten_.size(), kForgottenPerCommit);
  plan.stale = stale_now();
  plan_leaps(group, plan);
  build_blocks(group, plan);
  plan_trims(group, plan);
  group.outcome.first = end();
  if (plan.blocks.empty() && plan.leapt.empty() && group.state().empty()) return Errc::ok;
  Errc outcome = commit_parts(group, plan);
  group.outcome.records = outcome;
  if (outcome == Errc::log_failed || !group.state().empty()) group.outcome.state = outcome;
  if (outcome == Errc::ok) {
    producers_.apply(plan.stage);
    publish_leaps(plan);
    if (!plan.blocks.empty()) publish(plan);
    note_keys(group, plan.blocks);
    metrics_.payload_bytes.add(group.payload_bytes());
    group.outcome.blocks = std::move(plan.blocks);
  } else if (outcome != Errc::log_failed && !group.state().empty()) {
    plan.records_refused = true;
    plan_trims(group, plan);
    plan_leaps(group, plan);
    group.outcome.state = commit_parts(group, plan);
    if (group.outcome.state == Errc::ok) publish_leaps(plan);
    if (group.outcome.state == Errc::log_failed) outcome = Errc::log_failed;
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - begun);
  metrics_.commit_us.observe(static_cast<std::uint64_t>(took.count()));
  metrics_.commit_records.observe(group.records());
  return outcome;
}

}  // namespace runnel::log
