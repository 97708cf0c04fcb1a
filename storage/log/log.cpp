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

// Lock files, the directory, a file that is being made: what the ceiling keeps apart from
// generations.
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

// What the name of a damaged generation gets behind it.
constexpr std::string_view kAsideSuffix = ".damaged";

std::uint64_t pages(std::uint64_t bytes) {
  return (bytes + 16 + kPage - 1) / kPage;
}

fs::path lock_file(const fs::path& dir, GenerationId id) {
  return Generation::file(dir, id).string() + "-lock";
}

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

// Lock files are made anew by whoever opens; the newest generation keeps its own, for which a full
// file system might have no room again.
void remove_leftovers(const fs::path& dir, const std::vector<GenerationId>& ids) {
  std::error_code ignored;
  std::vector<fs::path> doomed;
  const std::string kept = ids.empty() ? "" : lock_file(dir, ids.back()).filename().string();
  for (const auto& entry : fs::directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    const bool stale_lock = name.ends_with(".mdb-lock") && name != kept;
    if (name.find(".mdb.new") != std::string::npos || stale_lock) doomed.push_back(entry.path());
  }
  for (const fs::path& path : doomed) fs::remove(path, ignored);
}

void unlink_generation(const fs::path& dir, GenerationId id) {
  std::error_code ignored;
  fs::remove(Generation::file(dir, id), ignored);
  fs::remove(lock_file(dir, id), ignored);
}

// Makes `dir` and what is missing above it, so that the names last.
Result<void> make_directories(const fs::path& dir) {
  std::error_code ec;
  const fs::path whole = fs::absolute(dir, ec).lexically_normal();
  if (ec) return Errc::io_error;
  if (fs::is_directory(whole, ec)) return {};
  if (whole.has_relative_path() && whole != whole.parent_path()) {
    RUNNEL_TRY(make_directories(whole.parent_path()));
  }
  fs::create_directory(whole, ec);
  if (ec) return Errc::io_error;
  return sync_directory(whole.parent_path());
}

// A new file for which there is no room is refused, and the log goes on. A transaction of the log
// itself that meets a full file system has failed half way, which is no refusal.
boost::system::error_code failed_commit(const boost::system::error_code& ec) {
  return errc_of(ec) == Errc::no_space ? make_error_code(Errc::io_error) : ec;
}

bool refused(const boost::system::error_code& ec) {
  return errc_of(ec) == Errc::log_full || errc_of(ec) == Errc::no_space;
}

// The most that a group can add to a generation.
std::uint64_t bytes_needed(const Group& group, const std::vector<BlockPtr>& blocks) {
  std::uint64_t need = kCommitPages;
  for (const BlockPtr& block : blocks) need += pages(block->size()) + 1;
  for (const auto& [name, change] : group.state()) {
    need += kPagesPerStateRow + (change.value ? pages(change.value->size()) : 0);
  }
  return need * kPage;
}

}  // namespace

Log::Log(LogOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

Log::~Log() {
  active_.reset();
  chain_.clear();
  if (lock_fd_ >= 0) ::close(lock_fd_);  // last: from here on another may open the files
}

Result<std::unique_ptr<Log>> Log::open(LogOptions options, const Clock& clock) {
  std::unique_ptr<Log> log(new Log(std::move(options), clock));
  RUNNEL_TRY(make_directories(log->options_.dir));
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

void Log::list_aside() {
  for (const auto& entry : fs::directory_iterator(options_.dir)) {
    std::error_code ec;
    if (entry.path().filename().string().find(kAsideSuffix) == std::string::npos) continue;
    const std::uint64_t bytes = entry.file_size(ec);
    if (!ec) aside_.push_back({entry.path(), bytes});
  }
}

void Log::set_aside(GenerationId id) {
  const fs::path path = Generation::file(options_.dir, id);
  std::error_code ec;
  const std::uint64_t bytes = fs::file_size(path, ec);
  fs::path to = path.string() + std::string(kAsideSuffix);
  for (int n = 2; fs::exists(to, ec); ++n) {
    to = path.string() + std::string(kAsideSuffix) + "-" + std::to_string(n);
  }
  fs::rename(path, to, ec);
  aside_.push_back({to, bytes});
  ++damaged_;
  logger::error(
      "log",
      logger::text(
          "generation ",
          id.value,
          " cannot be opened (",
          Env::last_error(),
          "); set aside as ",
          to.filename().string()
      )
  );
}

// The newest generation that can be opened; those behind it are set aside and leave `ids`.
std::shared_ptr<Generation> Log::open_newest(std::vector<GenerationId>& ids, Errc& trouble) {
  while (!ids.empty()) {
    auto opened = Generation::open(options_.dir, ids.back(), Env::Mode::writable);
    if (opened) return *opened;
    trouble = errc_of(opened.error());
    if (trouble != Errc::damaged) return nullptr;
    set_aside(ids.back());
    ids.pop_back();
  }
  trouble = Errc::ok;
  return nullptr;
}

Result<void> Log::open_chain(
    const std::vector<GenerationId>& ids, const std::shared_ptr<Generation>& newest
) {
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
  return {};
}

Result<void> Log::recover() {
  std::vector<GenerationId> ids = list_generations(options_.dir);
  remove_leftovers(options_.dir, ids);
  list_aside();
  // The newest decides: it has the state, and says which generations still count.
  Errc trouble = Errc::ok;
  const std::shared_ptr<Generation> newest = open_newest(ids, trouble);
  if (trouble != Errc::ok && newest == nullptr) return trouble;
  if (newest == nullptr) return begin_chain(1, {});
  {
    auto txn = ReadTxn::begin(newest->env());
    if (!txn) return txn.error();
    if (const auto row = txn->get(kRetiredKey)) {
      if (const auto retired = Retired::decode(*row)) retired_ = *retired;
    }
  }
  RUNNEL_TRY(open_chain(ids, newest));
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
  // Whatever stood before the first position has gone; what no retirement counted went with a
  // damaged generation.
  retired_.discarded =
      std::max(retired_.discarded, first_ - std::min(retired_.expired, first_.load()));
  if (!newest->sealed()) return {};
  // Without room for the next generation the hub starts all the same: it reads, and refuses
  // records.
  if (const auto rolled = roll(); !rolled && !refused(rolled.error())) return rolled.error();
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
  RUNNEL_TRY(make_room(options_.generation_bytes));
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

bool Log::has_room(std::uint64_t need_bytes) const {
  if (active_->sealed()) return false;
  const auto fill = static_cast<double>(active_->env().used_bytes() + need_bytes);
  return fill <= kFillMax * static_cast<double>(active_->env().map_bytes());
}

Result<void> Log::write(
    Generation& generation, const Group& group, const std::vector<BlockPtr>& blocks
) {
  auto txn = WriteTxn::begin(generation.env());
  if (!txn) return txn.error();
  RUNNEL_CHECK(blocks.empty() || !generation.sealed());  // behind the seal they would be lost
  const bool records_refused = group.records() > 0 && blocks.empty();
  for (const auto& [name, change] : group.state()) {
    if (records_refused && change.tie == Group::Tie::records) continue;
    const Bytes key = state_key(name);
    RUNNEL_TRY(change.value ? txn->put(key, with_checksum(key, *change.value)) : txn->erase(key));
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

// Commits what there is, in the active generation or, when that has no room, in the next one. State
// alone may use the reserve of a generation that cannot be followed by another.
Errc Log::commit_parts(Group& group, const std::vector<BlockPtr>& blocks) {
  const std::uint64_t need = bytes_needed(group, blocks);
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
  if (!has_room(need) && (active_->sealed() || active_->has_blocks())) {
    const Errc followed = follow();
    if (followed == Errc::log_failed || (followed != Errc::ok && !blocks.empty())) return followed;
  }
  auto written = write(*active_, group, blocks);
  if (!written && errc_of(written.error()) == Errc::log_full && !rolled) {
    // The estimate was wrong: LMDB refused before anything changed.
    if (const Errc followed = follow(); followed != Errc::ok) return followed;
    written = write(*active_, group, blocks);
  }
  if (written) return Errc::ok;
  const Errc why = errc_of(written.error());
  return why == Errc::log_full ? why : fail(why);
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
  group.outcome.records = outcome;
  if (outcome == Errc::log_failed || !group.state().empty()) group.outcome.state = outcome;
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
  if (!active_->sealed()) {
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
  auto txn = WriteTxn::begin(active_->env());
  if (!txn) return txn.error();
  RUNNEL_TRY(txn->put(kRetiredKey, next.encode()));
  if (const auto done = txn->commit(); !done) return failed_commit(done.error());
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

Result<void> Log::each_state(
    ByteView prefix, const std::function<void(ByteView name, ByteView value)>& visit
) const {
  const std::shared_ptr<Generation> active = [this] {
    const std::lock_guard lock(mutex_);
    return active_;
  }();
  auto txn = ReadTxn::begin(active->env());
  if (!txn) return txn.error();
  const Bytes from = state_key(prefix);
  std::uint64_t damaged = 0;
  RUNNEL_TRY(txn->walk(from, [&](const ReadTxn::Row& row) {
    if (!row.key.starts_with(from)) return false;
    if (const auto value = without_checksum(row.key, row.value)) {
      visit(row.key.substr(1), *value);
    } else {
      ++damaged;
    }
    return true;
  }));
  if (damaged > 0) {
    logger::error(
        "log", logger::text(damaged, " rows of the state have a wrong checksum and are lost")
    );
  }
  return {};
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
  auto it = std::upper_bound(chain_.begin(), chain_.end(), position, [](Position p, const Slot& s) {
    return p < s.first;
  });
  if (it == chain_.begin()) return nullptr;
  return generation_of(*std::prev(it));
}

Result<BlockPtr> Log::read_block(Position position) const {
  if (position < first() || position >= end()) return Errc::not_found;
  const auto generation = generation_at(position);
  if (generation == nullptr) return position < first() ? Errc::not_found : Errc::damaged;
  auto bytes = generation->read_block(position);
  // It was committed: a place in the log without a block is damage.
  if (!bytes) return errc_of(bytes.error()) == Errc::not_found ? Errc::damaged : bytes.error();
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

// The generation in which `offset` must be; nullptr when that cannot be opened, not_found when it
// has been retired.
Result<std::shared_ptr<Generation>> Log::generation_for(PartitionId partition, Offset offset)
    const {
  const std::lock_guard lock(mutex_);
  const Slot* found = nullptr;
  for (const Slot& slot : chain_) {
    const auto start = slot.starts.find(partition);
    if (start != slot.starts.end() && start->second > offset) break;
    found = &slot;
  }
  if (found == nullptr) return Errc::not_found;
  return generation_of(*found);
}

// The first offset behind `behind` at which a generation begins.
Offset Log::next_start(PartitionId partition, Offset behind, Offset otherwise) const {
  const std::lock_guard lock(mutex_);
  for (const Slot& slot : chain_) {
    const auto start = slot.starts.find(partition);
    if (start != slot.starts.end() && start->second > behind) return start->second;
  }
  return otherwise;
}

// Takes batches from one generation, and moves `next` behind the last one. `full`: the next batch
// would have been too much.
Result<void> Log::fetch_from(
    const Generation& generation,
    PartitionId partition,
    std::size_t bytes_max,
    Fetched& out,
    Offset& next,
    bool& full
) const {
  const auto lost = [&](std::int64_t until) {
    out.damaged += static_cast<std::uint32_t>(until - next.value);
    next = Offset(until);
  };
  const auto walked = generation.walk_blocks(
      generation.seek(partition, next),
      [&](const BlockHead& head, ByteView value) {
        for (const BlockEntry& e : head.entries) {
          if (e.partition != partition || e.base.value + e.records <= next.value) continue;
          if (e.base >= out.high_watermark) return false;
          if (!out.batches.empty() && out.batches.size() + e.bytes > bytes_max) {
            full = true;
            return false;
          }
          if (e.base > next) lost(e.base.value);  // a block before this one cannot be read
          const ByteView batch = value.substr(e.place, e.bytes);
          const auto parsed = BatchView::parse(batch, true);
          if (!parsed || parsed->base_offset() != e.base || parsed->records() != e.records) {
            lost(e.base.value + e.records);
            continue;
          }
          out.batches.append(batch);
          next = Offset(e.base.value + e.records);
        }
        return out.batches.size() < bytes_max && next < out.high_watermark;
      }
  );
  // Pages that cannot be walked are a hole like others.
  if (!walked && errc_of(walked.error()) != Errc::damaged) return walked.error();
  return {};
}

Result<Fetched> Log::fetch(PartitionId partition, Offset offset, std::size_t bytes_max) const {
  Fetched out;
  const PartitionRange known = range(partition);
  out.log_start = known.log_start;
  out.high_watermark = known.high_watermark;
  if (offset < known.log_start || offset > known.high_watermark) return Errc::not_found;
  bytes_max = std::max<std::size_t>(bytes_max, 1);  // at least one batch
  Offset next = offset;
  while (next < known.high_watermark && out.batches.size() < bytes_max) {
    const auto generation = generation_for(partition, next);
    if (!generation && out.batches.empty()) return generation.error();
    if (!generation) break;
    const Offset before = next;
    if (*generation != nullptr) {
      bool full = false;
      RUNNEL_TRY(fetch_from(**generation, partition, bytes_max, out, next, full));
      if (full) break;
    }
    if (next != before) continue;
    // Nothing more in this generation: records of it are damaged or set aside. Go on in the next
    // one.
    if (!out.batches.empty()) break;
    const Offset further = next_start(partition, next, known.high_watermark);
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
  for (const Aside& aside : aside_) out.disk_bytes += aside.bytes;
  return out;
}

std::int64_t Log::hub_ms() const {
  const std::lock_guard lock(mutex_);
  return hub_clock_->now_ms();
}

}  // namespace runnel::log
