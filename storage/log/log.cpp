#include "storage/log/log.h"

#include <unistd.h>

#include <algorithm>

#include "storage/base/logger.h"
#include "storage/log/commit_size.h"
#include "storage/log/foreign_batch.h"
#include "storage/log/log_files.h"

namespace runnel::log {
namespace {

namespace fs = std::filesystem;

// Lock files, the directory, a file that is being made: what the ceiling keeps apart from
// generations.
constexpr std::uint64_t kOverheadBytes = 1 << 20;

// A generation is sealed when a group would take it beyond this; the rest is for its index, for
// state that changes while intake is refused, and for the pages that LMDB frees late.
constexpr double kFillMax = 0.9;

// There is one leader of every partition, this hub, for ever.
constexpr std::int32_t kLeaderEpoch = 0;

// Producers that have been silent for longer are forgotten (Kafka: producer.id.expiration.ms), and
// the longest silent ones of more than that many.
constexpr std::chrono::milliseconds kProducerSilenceMax = std::chrono::hours(24);
constexpr std::size_t kProducersMax = 10'000;

// Rows of forgotten producers go a few at a time: together they may not fit into one commit.
constexpr std::size_t kForgottenPerCommit = 16;


// A new file for which there is no room is refused, and the log goes on. A transaction of the log
// itself that meets a full file system has failed half way, which is no refusal.
boost::system::error_code failed_commit(const boost::system::error_code& ec) {
  return errc_of(ec) == Errc::no_space ? make_error_code(Errc::io_error) : ec;
}

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
    const Offset end_now = id < ends_.size() ? ends_[id] : Offset(0);
    std::int64_t& more = added[batch->partition];
    const Offset base(end_now.value + more);
    std::uint32_t records = 0;
    if (batch->made.empty()) {
      batch->builder.seal(base, append_time(batch->partition));
      records = batch->builder.records();
    } else {
      if (!judge(*batch, group, base, hub, plan)) continue;
      place_batch(batch->made, base, kLeaderEpoch);
      if (const auto ms = append_time(batch->partition)) {
        stamp_append_time(batch->made, *ms);
        group.outcome.batches[batch->place].append_time_ms = *ms;
      }
      records = static_cast<std::uint32_t>(batch->stamp.records);
    }
    const ByteView bytes = batch->made.empty() ? batch->builder.bytes() : ByteView(batch->made);
    more += records;
    if (!builder.empty() && builder.size() + bytes.size() > kBlockBytesTarget) finish();
    builder.add(batch->partition, base, records, bytes);
  }
  if (!builder.empty()) finish();
}

bool Log::has_room(std::uint64_t need_bytes) const {
  if (!active_->takes_blocks()) return false;
  const auto fill = static_cast<double>(active_->env().used_bytes() + need_bytes);
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
  for (std::size_t i = 0; i < plan.forgotten; ++i) {
    RUNNEL_TRY(txn->erase(state_key(Producers::row_name(forgotten_[i]))));
  }
  if (with_records) {
    for (const auto& [name, entry] : plan.stage.changes()) {
      RUNNEL_TRY(put(Producers::row_name(name), Producers::encode(entry)));
    }
    for (const Producers::Aborted& aborted : plan.stage.aborted()) {
      const Bytes key = aborted_key(aborted.partition, aborted.marker);
      RUNNEL_TRY(txn->put(key, with_checksum(key, encode_aborted(aborted))));
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
  const std::size_t rows =
      plan.stage.changes().size() + plan.stage.aborted().size() + plan.forgotten;
  const std::uint64_t need =
      commit_bytes_max(group, blocks, rows, active_->env().tree_pages());
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
  if (failed()) return group.outcome.records = group.outcome.state = Errc::log_failed;
  const Instant begun = clock_.now();
  Plan plan(producers_);
  plan.forgotten = std::min(forgotten_.size(), kForgottenPerCommit);
  build_blocks(group, plan);
  plan_trims(group, plan);
  group.outcome.first = end();
  if (plan.blocks.empty() && group.state().empty()) return Errc::ok;
  Errc outcome = commit_parts(group, plan);
  group.outcome.records = outcome;
  if (outcome == Errc::log_failed || !group.state().empty()) group.outcome.state = outcome;
  if (outcome == Errc::ok) {
    producers_.apply(plan.stage);
    if (!plan.blocks.empty()) publish(plan);
    metrics_.payload_bytes.add(group.payload_bytes());
    group.outcome.blocks = std::move(plan.blocks);
  } else if (outcome != Errc::log_failed && !group.state().empty()) {
    plan.records_refused = true;
    plan_trims(group, plan);
    group.outcome.state = commit_parts(group, plan);
    if (group.outcome.state == Errc::log_failed) outcome = Errc::log_failed;
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - begun);
  metrics_.commit_us.observe(static_cast<std::uint64_t>(took.count()));
  metrics_.commit_records.observe(group.records());
  return outcome;
}

LogOptions Log::limits() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

// Keeps the files, with `more_bytes` added, below the ceiling.
Result<void> Log::make_room(std::uint64_t more_bytes) {
  const LogOptions limits = this->limits();
  for (;;) {
    std::uint64_t used = kOverheadBytes + more_bytes;
    for (const Slot& slot : chain_) used += slot.file_bytes;
    for (const Aside& aside : aside_) used += aside.bytes;
    if (used <= limits.limit_bytes) return {};
    if (!aside_.empty()) {
      const fs::path path = aside_.front().path;
      std::error_code ignored;
      fs::remove(path, ignored);
      const std::lock_guard lock(mutex_);
      aside_.erase(aside_.begin());
      logger::warn(
          "log", logger::text(path.filename().string(), " removed: the ceiling is reached")
      );
      continue;
    }
    if (chain_.size() <= 1) return {};
    if (limits.reject_when_full) return Errc::log_full;
    RUNNEL_TRY(retire_oldest(Why::discarded));
  }
}

// The next generation is whole and on stable storage before this one is sealed. The other way
// round, a next one for which there is no room would leave a seal with records behind it.
Result<void> Log::roll() {
  const LogOptions limits = this->limits();
  RUNNEL_TRY(make_room(limits.generation_bytes));
  Generation::Head head;
  head.id = GenerationId(chain_.back().id.value + 1);
  head.first = active_->end();
  head.hub_ms = hub_ms();
  head.wall = clock_.wall();
  head.boot = boot_;
  const PartitionEnds starts = active_->ends();
  const auto create = [&] {
    return Generation::create(limits.dir, limits.generation_bytes, head, starts, active_.get());
  };
  auto created = create();
  while (!created && errc_of(created.error()) == Errc::no_space && !limits.reject_when_full &&
         chain_.size() > 1) {
    RUNNEL_TRY(retire_oldest(Why::discarded));
    created = create();
  }
  if (!created) return created.error();
  // An index that does not fit is no harm: the next opening walks the blocks instead.
  if (active_->takes_blocks()) {
    const auto sealed = active_->seal();
    if (!sealed && errc_of(sealed.error()) != Errc::log_full) return failed_commit(sealed.error());
  }
  std::error_code ignored;
  fs::remove(lock_file(limits.dir, active_->id()), ignored);  // nobody else opens it for writing
  const std::lock_guard lock(mutex_);
  Slot slot;
  slot.id = head.id;
  slot.first = head.first;
  slot.starts = starts;
  slot.last_hub_ms = head.hub_ms;
  slot.file_bytes = limits.generation_bytes;
  slot.open = *created;
  slot.known = *created;
  chain_.push_back(std::move(slot));
  active_ = *created;
  return {};
}

Result<void> Log::retire_oldest(Why why) {
  RUNNEL_CHECK(chain_.size() > 1);
  const std::uint64_t records = chain_[1].first.value - chain_[0].first.value;
  Retired next = retired_;
  next.oldest = chain_[1].id;
  (why == Why::expired ? next.expired : next.discarded) += records;
  const std::vector<PartitionId> over = trims_of_oldest_alone();
  // Where the newest takes nothing any more, the count is made up for when it is next recovered.
  if (active_->env().writable()) {
    auto txn = WriteTxn::begin(active_->env());
    if (!txn) return txn.error();
    RUNNEL_TRY(txn->put(kRetiredKey, next.encode()));
    for (const PartitionId id : over) RUNNEL_TRY(txn->erase(state_key(Trims::row_name(id))));
    if (const auto done = txn->commit(); !done) return failed_commit(done.error());
  }
  const GenerationId gone = chain_[0].id;
  {
    const std::lock_guard lock(mutex_);
    retired_ = next;
    first_.store(chain_[1].first.value, std::memory_order_release);
    chain_.erase(chain_.begin());
    auto trims = std::make_shared<Trims>(*trims_);
    for (const PartitionId id : over) trims->forget(id);
    trims_ = std::move(trims);
  }
  unlink_generation(options_.dir, gone);
  logger::info(
      "log",
      logger::text(
          "generation ",
          gone.value,
          " retired, ",
          records,
          why == Why::expired ? " records expired by age" : " records discarded at the ceiling"
      )
  );
  return {};
}

void Log::maintain() {
  if (failed()) return;
  const LogOptions limits = this->limits();
  auto done = make_room(0);
  const bool tried = done || refused(done.error());
  if (tried && limits.retention) done = apply_retention(limits);
  if (!done && !refused(done.error())) fail(errc_of(done.error()));
  apply_rules();
  const auto gone = producers_.forget(hub_ms() - kProducerSilenceMax.count(), kProducersMax);
  forgotten_.insert(forgotten_.end(), gone.begin(), gone.end());
}

Result<void> Log::apply_retention(const LogOptions& limits) {
  const std::int64_t now = hub_ms();
  while (chain_.size() > 1 && now - chain_.front().last_hub_ms > limits.retention->count()) {
    RUNNEL_TRY(retire_oldest(Why::expired));
  }
  // A generation that has been open for its share of the retention time is closed, so that its
  // records can go when they are old even if there is little traffic.
  const std::uint64_t room = limits.limit_bytes - std::min(limits.limit_bytes, kOverheadBytes);
  const std::uint64_t generations_max = room / limits.generation_bytes;
  const auto shares = static_cast<std::int64_t>(std::max<std::uint64_t>(generations_max, 3) - 2);
  const std::int64_t open_max = std::max<std::int64_t>(limits.retention->count() / shares, 1000);
  if (active_->has_blocks() && now - active_->head().hub_ms > open_max) return roll();
  return {};
}

void Log::set_limits(const LogOptions& options) {
  const std::lock_guard lock(mutex_);
  options_.limit_bytes = options.limit_bytes;
  options_.retention = options.retention;
  options_.reject_when_full = options.reject_when_full;
}

}  // namespace runnel::log
