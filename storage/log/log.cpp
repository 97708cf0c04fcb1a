#include "storage/log/log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "storage/base/logger.h"

namespace runnel::log {
namespace {

namespace fs = std::filesystem;

// Lock files, the directory, a file that is being made: what the ceiling keeps apart from generations.
constexpr std::uint64_t kOverheadBytes = 1 << 20;

// A generation is sealed when a group would take it beyond this; the rest is for its index, for
// state that changes while intake is refused, and for the pages that LMDB frees late.
constexpr double kFillMax = 0.9;

// LMDB's own: path pages, free list, a page or two of the state tree per row.
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kCommitPages = 32;
constexpr std::uint64_t kPagesPerStateRow = 2;

// Environments kept open besides the active one; a map each.
constexpr std::size_t kOpenMax = sizeof(void*) == 8 ? 24 : 4;

std::uint64_t pages(std::uint64_t bytes) { return (bytes + 16 + kPage - 1) / kPage; }

std::vector<GenerationId> list_generations(const fs::path& dir) {
  std::vector<GenerationId> ids;
  for (const auto& entry : fs::directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    if (name.size() != 14 || !name.ends_with(".mdb")) continue;
    std::uint32_t id = 0;
    const auto [end, ec] = std::from_chars(name.data(), name.data() + 10, id);
    if (ec == std::errc() && end == name.data() + 10 && id > 0) ids.emplace_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

void remove_leftovers(const fs::path& dir) {
  std::error_code ignored;
  std::vector<fs::path> doomed;
  for (const auto& entry : fs::directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    if (name.find(".mdb.new") != std::string::npos || name.ends_with(".mdb-lock")) {
      doomed.push_back(entry.path());
    }
  }
  for (const fs::path& path : doomed) fs::remove(path, ignored);
}

void unlink_generation(const fs::path& dir, GenerationId id) {
  std::error_code ignored;
  const fs::path path = Generation::file(dir, id);
  fs::remove(path, ignored);
  fs::remove(path.string() + "-lock", ignored);
}

}  // namespace

Log::Log(LogOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

Log::~Log() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

Result<std::unique_ptr<Log>> Log::open(LogOptions options, const Clock& clock) {
  std::unique_ptr<Log> log(new Log(std::move(options), clock));
  std::error_code ec;
  fs::create_directories(log->options_.dir, ec);
  if (ec) return Errc::io_error;
  RUNNEL_TRY(log->take_lock());
  RUNNEL_TRY(log->recover());
  return log;
}

Result<void> Log::take_lock() {
  const fs::path path = options_.dir / "LOCK";
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock_fd_ < 0) return Errc::io_error;
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) return Errc::already_running;
  return {};
}

void Log::set_aside(GenerationId id) {
  const fs::path path = Generation::file(options_.dir, id);
  std::error_code ignored;
  fs::rename(path, path.string() + ".damaged", ignored);
  ++damaged_;
  logger::error(
      "log",
      logger::text("generation ", id.value, " cannot be opened (", Env::last_error(), "); set aside as ", path.filename().string(), ".damaged")
  );
}

Result<void> Log::recover() {
  remove_leftovers(options_.dir);
  std::vector<GenerationId> ids = list_generations(options_.dir);
  // The newest decides: it has the state, and says which generations still count.
  std::shared_ptr<Generation> newest;
  while (!ids.empty()) {
    auto opened = Generation::open(options_.dir, ids.back(), Env::Mode::writable);
    if (opened) {
      newest = *opened;
      break;
    }
    if (errc_of(opened.error()) != Errc::damaged) return opened.error();
    set_aside(ids.back());
    ids.pop_back();
  }
  if (newest == nullptr) return begin_chain(1, {});
  {
    auto txn = ReadTxn::begin(newest->env());
    if (!txn) return txn.error();
    if (const auto row = txn->get(kRetiredKey)) {
      if (const auto retired = Retired::decode(*row)) retired_ = *retired;
    }
  }
  for (const GenerationId id : ids) {
    if (id < retired_.oldest) {
      unlink_generation(options_.dir, id);  // its retirement was durable, its unlinking was not
      continue;
    }
    std::shared_ptr<Generation> generation = newest;
    if (id != newest->id()) {
      auto opened = Generation::open(options_.dir, id, Env::Mode::read_only);
      if (!opened) {
        if (errc_of(opened.error()) != Errc::damaged) return opened.error();
        set_aside(id);
        continue;
      }
      generation = *opened;
    }
    Slot slot;
    slot.id = id;
    slot.first = generation->head().first;
    slot.starts = generation->starts();
    slot.last_hub_ms = generation->last_mark().hub_ms;
    slot.file_bytes = generation->env().map_bytes();
    slot.known = generation;
    chain_.push_back(std::move(slot));
  }
  chain_.back().open = newest;
  active_ = newest;
  for (const auto& [partition, offset] : newest->ends()) {
    if (partition.value >= ends_.size()) ends_.resize(std::size_t{partition.value} + 1);
    ends_[partition.value] = offset;
  }
  hub_clock_.emplace(clock_, newest->last_mark());
  first_ = chain_.front().first.value;
  end_ = newest->end().value;
  boot_ = newest->boot() + 1;
  if (newest->sealed()) return roll();
  return {};
}

Result<void> Log::begin_chain(std::uint32_t boot, const HubClock::Mark& mark) {
  boot_ = boot;
  hub_clock_.emplace(clock_, mark);
  Generation::Head head;
  head.id = GenerationId(1);
  head.wall = clock_.wall();
  head.boot = boot;
  // Files that were set aside keep their numbers.
  for (const auto& entry : fs::directory_iterator(options_.dir)) {
    const std::string name = entry.path().filename().string();
    std::uint32_t id = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), id).ec == std::errc()) {
      head.id = GenerationId(std::max(head.id.value, id + 1));
    }
  }
  retired_.oldest = head.id;
  auto created = Generation::create(options_.dir, options_.generation_bytes, head, {}, nullptr);
  if (!created) return created.error();
  active_ = *created;
  Slot slot;
  slot.id = head.id;
  slot.file_bytes = options_.generation_bytes;
  slot.open = active_;
  slot.known = active_;
  chain_.push_back(std::move(slot));
  return {};
}

Errc Log::fail(Errc cause) {
  if (!failed_.exchange(true)) {
    logger::error(
        "log",
        logger::text("a write or flush failed (", describe(cause), ": ", Env::last_error(), "); nothing is acknowledged any more, restart to recover what the disk has")
    );
  }
  return Errc::log_failed;
}

std::vector<BlockPtr> Log::build_blocks(Group& group, Errc& outcome) {
  std::vector<BlockPtr> blocks;
  BlockBuilder builder;
  Position position = end();
  const std::int64_t hub = hub_ms();
  const WallTime wall = clock_.wall();
  std::map<PartitionId, std::int64_t> added;
  const auto finish = [&] {
    const std::uint32_t records = builder.records();
    auto block = Block::make(builder.finish(position, hub, wall, boot_), true);
    if (!block) {
      outcome = Errc::damaged;
      return;
    }
    position = Position(position.value + records);
    blocks.push_back(std::move(*block));
  };
  for (Group::Batch* batch : group.batches()) {
    const std::size_t id = batch->partition.value;
    const Offset end_now = id < ends_.size() ? ends_[id] : Offset(0);
    std::int64_t& more = added[batch->partition];
    const Offset base(end_now.value + more);
    batch->builder.seal(base);
    more += batch->builder.records();
    if (!builder.empty() && builder.size() + batch->builder.size() > kBlockBytesTarget) finish();
    builder.add(batch->partition, base, batch->builder.records(), batch->builder.bytes());
  }
  if (!builder.empty()) finish();
  return blocks;
}

bool Log::has_room(const Group& group, const std::vector<BlockPtr>& blocks) const {
  std::uint64_t need = kCommitPages;
  for (const BlockPtr& block : blocks) need += pages(block->size()) + 1;
  for (const auto& [name, change] : group.state()) {
    need += kPagesPerStateRow + (change.value ? pages(change.value->size()) : 0);
  }
  const auto fill = static_cast<double>(active_->env().used_bytes() + need * kPage);
  return fill <= kFillMax * static_cast<double>(active_->env().map_bytes());
}

Result<void> Log::write(
    Generation& generation,
    const Group& group,
    const std::vector<BlockPtr>& blocks
) {
  auto txn = WriteTxn::begin(generation.env());
  if (!txn) return txn.error();
  const bool records_refused = group.records() > 0 && blocks.empty();
  for (const auto& [name, change] : group.state()) {
    if (records_refused && change.tie == Group::Tie::records) continue;
    const Bytes key = state_key(name);
    RUNNEL_TRY(change.value ? txn->put(key, *change.value) : txn->erase(key));
  }
  for (const BlockPtr& block : blocks) {
    RUNNEL_TRY(txn->append(block_key(block->first()), block->bytes()));
  }
  return txn->commit();
}

void Log::publish(const std::vector<BlockPtr>& blocks) {
  active_->committed(blocks);
  const std::lock_guard lock(mutex_);
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

// Commits what there is, in the active generation or, when that has no room, in the next one.
Errc Log::commit_parts(Group& group, const std::vector<BlockPtr>& blocks) {
  if (!blocks.empty() && !has_room(group, blocks)) {
    if (const auto rolled = roll(); !rolled) {
      const Errc why = errc_of(rolled.error());
      return why == Errc::log_full || why == Errc::no_space ? why : fail(why);
    }
  }
  auto written = write(*active_, group, blocks);
  if (!written && errc_of(written.error()) == Errc::log_full) {
    // The estimate was wrong: LMDB refused before anything changed.
    if (const auto rolled = roll(); !rolled) {
      const Errc why = errc_of(rolled.error());
      return why == Errc::log_full || why == Errc::no_space ? why : fail(why);
    }
    written = write(*active_, group, blocks);
  }
  if (!written) return fail(errc_of(written.error()));
  return Errc::ok;
}

Errc Log::commit(Group& group) {
  if (failed()) return group.outcome.records = group.outcome.state = Errc::log_failed;
  const Instant begun = clock_.now();
  Errc built = Errc::ok;
  std::vector<BlockPtr> blocks = build_blocks(group, built);
  RUNNEL_CHECK(built == Errc::ok);
  group.outcome.first = end();
  if (blocks.empty() && group.state().empty()) return Errc::ok;
  Errc outcome = commit_parts(group, blocks);
  group.outcome.records = group.outcome.state = outcome;
  if (outcome == Errc::ok) {
    if (!blocks.empty()) publish(blocks);
    metrics_.payload_bytes.add(group.payload_bytes());
    group.outcome.blocks = std::move(blocks);
  } else if (outcome != Errc::log_failed && !group.state().empty()) {
    group.outcome.state = commit_parts(group, {});
    if (group.outcome.state == Errc::log_failed) outcome = Errc::log_failed;
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - begun);
  metrics_.commit_us.observe(static_cast<std::uint64_t>(took.count()));
  metrics_.commit_records.observe(group.records());
  return outcome;
}

// Keeps the chain, with one more generation, below the ceiling.
Result<void> Log::make_room() {
  for (;;) {
    std::uint64_t used = kOverheadBytes + options_.generation_bytes;
    for (const Slot& slot : chain_) used += slot.file_bytes;
    if (used <= options_.limit_bytes || chain_.size() == 1) return {};
    if (options_.reject_when_full) return Errc::log_full;
    RUNNEL_TRY(retire_oldest(Why::discarded));
  }
}

Result<void> Log::roll() {
  RUNNEL_TRY(make_room());
  // An index that does not fit is no harm: the next opening walks the blocks instead.
  if (!active_->sealed()) {
    if (const auto sealed = active_->seal(); !sealed && errc_of(sealed.error()) != Errc::log_full) {
      return sealed.error();
    }
  }
  Generation::Head head;
  head.id = GenerationId(chain_.back().id.value + 1);
  head.first = active_->end();
  head.hub_ms = hub_ms();
  head.wall = clock_.wall();
  head.boot = boot_;
  const PartitionEnds starts = active_->ends();
  auto created =
      Generation::create(options_.dir, options_.generation_bytes, head, starts, active_.get());
  while (!created && errc_of(created.error()) == Errc::no_space && !options_.reject_when_full &&
         chain_.size() > 1) {
    RUNNEL_TRY(retire_oldest(Why::discarded));
    created =
        Generation::create(options_.dir, options_.generation_bytes, head, starts, active_.get());
  }
  if (!created) return created.error();
  const std::lock_guard lock(mutex_);
  Slot slot;
  slot.id = head.id;
  slot.first = head.first;
  slot.starts = starts;
  slot.last_hub_ms = head.hub_ms;
  slot.file_bytes = options_.generation_bytes;
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
  auto txn = WriteTxn::begin(active_->env());
  if (!txn) return txn.error();
  RUNNEL_TRY(txn->put(kRetiredKey, next.encode()));
  RUNNEL_TRY(txn->commit());
  const GenerationId gone = chain_[0].id;
  {
    const std::lock_guard lock(mutex_);
    retired_ = next;
    first_.store(chain_[1].first.value, std::memory_order_release);
    chain_.erase(chain_.begin());
  }
  unlink_generation(options_.dir, gone);
  logger::info(
      "log",
      logger::text("generation ", gone.value, " retired, ", records, why == Why::expired ? " records expired by age" : " records discarded at the ceiling")
  );
  return {};
}

void Log::maintain() {
  if (failed()) return;
  std::optional<std::chrono::milliseconds> retention;
  std::uint64_t generations_max = 0;
  {
    const std::lock_guard lock(mutex_);
    retention = options_.retention;
    generations_max = options_.limit_bytes / options_.generation_bytes;
  }
  if (!retention) return;
  const std::int64_t now = hub_ms();
  // A generation that has been open for its share of the retention time is closed, so that its
  // records can go when they are old even if there is little traffic.
  const auto shares = static_cast<std::int64_t>(std::max<std::uint64_t>(generations_max, 3) - 2);
  const std::int64_t open_max = std::max<std::int64_t>(retention->count() / shares, 1000);
  const bool has_records = active_->end() > active_->head().first;
  Result<void> done;
  if (has_records && now - active_->head().hub_ms > open_max) done = roll();
  while (done && chain_.size() > 1 && now - chain_.front().last_hub_ms > retention->count()) {
    done = retire_oldest(Why::expired);
  }
  if (!done && errc_of(done.error()) != Errc::log_full && errc_of(done.error()) != Errc::no_space) {
    fail(errc_of(done.error()));
  }
}

void Log::set_limits(const LogOptions& options) {
  const std::lock_guard lock(mutex_);
  options_.limit_bytes = options.limit_bytes;
  options_.retention = options.retention;
  options_.reject_when_full = options.reject_when_full;
}

Result<void> Log::each_state(
    ByteView prefix,
    const std::function<void(ByteView name, ByteView value)>& visit
) const {
  auto txn = ReadTxn::begin(active_->env());
  if (!txn) return txn.error();
  const Bytes from = state_key(prefix);
  return txn->walk(from, [&](const ReadTxn::Row& row) {
    if (!row.key.starts_with(from)) return false;
    visit(row.key.substr(1), row.value);
    return true;
  });
}

std::shared_ptr<Generation> Log::generation_of(const Slot& slot) const {
  slot.used_at = ++uses_;
  if (slot.open != nullptr) return slot.open;
  slot.open = slot.known.lock();
  if (slot.open == nullptr) {
    auto opened = Generation::open(options_.dir, slot.id, Env::Mode::read_only);
    if (!opened) return nullptr;
    slot.open = *opened;
    slot.known = slot.open;
  }
  const Slot* oldest = nullptr;
  std::size_t open = 0;
  for (const Slot& s : chain_) {
    if (s.open == nullptr || &s == &chain_.back()) continue;
    ++open;
    if (oldest == nullptr || s.used_at < oldest->used_at) oldest = &s;
  }
  if (open > kOpenMax) oldest->open.reset();
  return slot.known.lock();
}

std::shared_ptr<Generation> Log::generation_at(Position position) const {
  const std::lock_guard lock(mutex_);
  auto it = std::upper_bound(
      chain_.begin(),
      chain_.end(),
      position,
      [](Position p, const Slot& s) { return p < s.first; }
  );
  if (it == chain_.begin()) return nullptr;
  return generation_of(*std::prev(it));
}

Result<BlockPtr> Log::read_block(Position position) const {
  if (position < first() || position >= end()) return Errc::not_found;
  const auto generation = generation_at(position);
  if (generation == nullptr) return Errc::damaged;
  auto bytes = generation->read_block(position);
  if (!bytes) return bytes.error();
  auto block = Block::make(std::move(*bytes), false);
  if (!block) return block.error();
  if (position < (*block)->first() || position >= (*block)->end()) return Errc::damaged;
  return block;
}

Position Log::skip_damaged(Position position) const {
  std::vector<Position> firsts;
  {
    const std::lock_guard lock(mutex_);
    for (const Slot& slot : chain_) firsts.push_back(slot.first);
  }
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    if (i + 1 < firsts.size() && firsts[i + 1].value <= position.value + 1) continue;
    const Position from(std::max(position.value + 1, firsts[i].value));
    const auto generation = generation_at(from);
    if (generation == nullptr) continue;
    std::optional<Position> found;
    const auto walked = generation->walk_blocks(from, [&](const BlockHead& head, ByteView) {
      found = head.first;
      return false;
    });
    if (walked && found) return *found;
  }
  return end();
}

std::shared_ptr<Generation> Log::generation_for(
    PartitionId partition,
    Offset offset,
    std::size_t& index
) const {
  const std::lock_guard lock(mutex_);
  index = 0;
  for (std::size_t i = 0; i < chain_.size(); ++i) {
    const auto start = chain_[i].starts.find(partition);
    if (start != chain_[i].starts.end() && start->second > offset) break;
    index = i;
  }
  return generation_of(chain_[index]);
}

Result<Fetched> Log::fetch(PartitionId partition, Offset offset, std::size_t bytes_max) const {
  Fetched out;
  const PartitionRange known = range(partition);
  out.log_start = known.log_start;
  out.high_watermark = known.high_watermark;
  if (offset < known.log_start || offset > known.high_watermark) return Errc::not_found;
  Offset next = offset;
  while (next < known.high_watermark && out.batches.size() < bytes_max) {
    std::size_t index = 0;
    const auto generation = generation_for(partition, next, index);
    if (generation == nullptr) return Errc::damaged;
    const Offset before = next;
    RUNNEL_TRY(generation->walk_blocks(
        generation->seek(partition, next),
        [&](const BlockHead& head, ByteView value) {
          for (const BlockEntry& e : head.entries) {
            if (e.partition != partition || e.base.value + e.records <= next.value) continue;
            if (!out.batches.empty() && out.batches.size() + e.bytes > bytes_max) return false;
            const ByteView batch = value.substr(e.place, e.bytes);
            if (BatchView::parse(batch, true)) {
              out.batches.append(batch);
            } else {
              out.damaged += e.records;
            }
            next = Offset(e.base.value + e.records);
          }
          return out.batches.size() < bytes_max && next < known.high_watermark;
        }
    ));
    if (next != before) continue;
    // Nothing in this generation: records of it are damaged or set aside. Go on in the next one.
    const std::lock_guard lock(mutex_);
    Offset further = known.high_watermark;
    for (std::size_t i = index + 1; i < chain_.size(); ++i) {
      const auto start = chain_[i].starts.find(partition);
      if (start != chain_[i].starts.end() && start->second > next) {
        further = start->second;
        break;
      }
    }
    if (!out.batches.empty()) break;
    out.damaged += static_cast<std::uint32_t>(further.value - next.value);
    next = further;
  }
  return out;
}

PartitionRange Log::range(PartitionId partition) const {
  const std::lock_guard lock(mutex_);
  PartitionRange out;
  const auto start = chain_.front().starts.find(partition);
  if (start != chain_.front().starts.end()) out.log_start = start->second;
  if (partition.value < ends_.size()) out.high_watermark = ends_[partition.value];
  return out;
}

Log::Totals Log::totals() const {
  const std::lock_guard lock(mutex_);
  Totals out;
  out.accepted = end().value;
  out.stored = end().value - first().value;
  out.expired = retired_.expired;
  out.discarded = retired_.discarded;
  out.damaged = damaged_;
  out.generations = chain_.size();
  for (const Slot& slot : chain_) out.disk_bytes += slot.file_bytes;
  return out;
}

std::int64_t Log::hub_ms() const {
  const std::lock_guard lock(mutex_);
  return hub_clock_->now_ms();
}

}  // namespace runnel::log
