// How the chain of generations grows and shrinks: the ceiling, the next generation, retirement.
#include <algorithm>

#include "storage/base/logger.h"
#include "storage/log/log.h"
#include "storage/log/log_files.h"

namespace runnel::log {
namespace {

namespace fs = std::filesystem;

// Lock files, the directory, a file that is being made: what the ceiling keeps apart from
// generations.
constexpr std::uint64_t kOverheadBytes = 1 << 20;

// Producers that have been silent for longer are forgotten (Kafka: producer.id.expiration.ms), and
// the longest silent ones of more than that many.
constexpr std::chrono::milliseconds kProducerSilenceMax = std::chrono::hours(24);
constexpr std::size_t kProducersMax = 10'000;

}  // namespace

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
    if (limits.reject_when_full || oldest_is_held()) return Errc::log_full;
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
         chain_.size() > 1 && !oldest_is_held()) {
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
  RUNNEL_TRY(keep_newest());
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
  follow_compaction();  // before anything is retired
  if (failed()) return;
  const LogOptions limits = this->limits();
  auto done = make_room(0);
  const bool tried = done || refused(done.error());
  if (tried && limits.retention) done = apply_retention(limits);
  if (!done && !refused(done.error())) fail(errc_of(done.error()));
  apply_rules();
  if (!failed()) compact_a_little();
  const auto gone = producers_.forget(hub_ms() - kProducerSilenceMax.count(), kProducersMax);
  forgotten_.insert(forgotten_.end(), gone.begin(), gone.end());
}

Result<void> Log::apply_retention(const LogOptions& limits) {
  const std::int64_t now = hub_ms();
  while (chain_.size() > 1 && now - chain_.front().last_hub_ms > limits.retention->count() &&
         !oldest_is_held()) {
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

void Log::set_holds(Holds holds) {
  auto shared = std::make_shared<const Holds>(std::move(holds));
  const std::lock_guard lock(mutex_);
  holds_ = std::move(shared);
}

std::shared_ptr<const Holds> Log::holds() const {
  const std::lock_guard lock(mutex_);
  return holds_;
}

// Whether the oldest generation has a record that must stay.
bool Log::oldest_is_held() const {
  const auto held = holds();
  const std::lock_guard lock(mutex_);
  const PartitionEnds& starts = chain_[0].starts;
  const PartitionEnds& ends = chain_[1].starts;
  return std::any_of(held->begin(), held->end(), [&](const auto& hold) {
    const auto end = ends.find(hold.first);
    // What was deleted on request need not stay.
    if (end == ends.end() || end->second <= std::max(hold.second, start_of(hold.first))) return false;
    const auto start = starts.find(hold.first);
    return start == starts.end() || start->second < end->second;
  });
}

void Log::set_limits(const LogOptions& options) {
  const std::lock_guard lock(mutex_);
  options_.limit_bytes = options.limit_bytes;
  options_.retention = options.retention;
  options_.reject_when_full = options.reject_when_full;
}

}  // namespace runnel::log
