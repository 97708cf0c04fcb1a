#include "storage/log/generation.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "storage/base/logger.h"

namespace runnel::log {
namespace {

namespace fs = std::filesystem;

constexpr ByteView kHeadKey = "\x01";
constexpr char kStartKind = '\x02';

// LMDB begins with two meta pages; no file of ours is shorter.
constexpr std::uint64_t kFileBytesMin = 2 * 4096;

Bytes encode(const Generation::Head& head) {
  Bytes out;
  ByteWriter w(out);
  w.le32(kFormat);
  w.le32(head.id.value);
  w.le64(head.first.value);
  w.le64(static_cast<std::uint64_t>(head.hub_ms));
  w.le64(static_cast<std::uint64_t>(head.wall.ms));
  w.le32(head.wall.synchronized ? 1 : 0);
  w.le32(head.boot);
  return out;
}

Result<Generation::Head> decode_head(ByteView value) {
  ByteReader r(value);
  if (r.le32() != kFormat) return Errc::damaged;
  Generation::Head head;
  head.id = GenerationId(r.le32());
  head.first = Position(r.le64());
  head.hub_ms = static_cast<std::int64_t>(r.le64());
  head.wall.ms = static_cast<std::int64_t>(r.le64());
  head.wall.synchronized = r.le32() != 0;
  head.boot = r.le32();
  if (!r.ok() || !r.done()) return Errc::damaged;
  return head;
}

// Rows that a new generation takes over from the one before: state, and what has been retired.
Result<void> carry_forward(const Generation& previous, WriteTxn& txn) {
  auto read = ReadTxn::begin(previous.env());
  if (!read) return read.error();
  Result<void> outcome;
  const auto walked = read->walk(kStatePrefix, [&](const ReadTxn::Row& row) {
    if (row.key[0] != kStatePrefix[0]) return false;
    outcome = txn.put(row.key, row.value);
    return outcome.has_value();
  });
  if (!walked) {
    if (errc_of(walked.error()) != Errc::damaged) return walked.error();
    logger::error("log", "rows of the state stand on damaged pages and are lost");
  }
  RUNNEL_TRY(outcome);
  if (const auto retired = read->get(kRetiredKey)) RUNNEL_TRY(txn.put(kRetiredKey, *retired));
  return {};
}

// The value of a row that must be there and sound.
Result<ByteView> read_row(const ReadTxn& txn, ByteView key) {
  const auto stored = txn.get(key);
  if (!stored) return stored.error();
  return without_checksum(key, *stored);
}

std::optional<Producers::Aborted> read_aborted(const ReadTxn::Row& row) {
  const auto stored = without_checksum(row.key, row.value);
  if (!stored) return std::nullopt;
  Producers::Aborted out;
  ByteReader key(row.key.substr(1));
  out.partition = PartitionId(key.be32());
  out.marker = Offset(static_cast<std::int64_t>(key.be64()));
  ByteReader value(*stored);
  out.producer = static_cast<std::int64_t>(value.le64());
  out.first = Offset(static_cast<std::int64_t>(value.le64()));
  out.stable = Offset(static_cast<std::int64_t>(value.le64()));
  if (!key.ok() || !key.done() || !value.ok() || !value.done()) return std::nullopt;
  return out;
}

}  // namespace

Bytes encode_aborted(const Producers::Aborted& aborted) {
  Bytes out;
  ByteWriter w(out);
  w.le64(static_cast<std::uint64_t>(aborted.producer));
  w.le64(static_cast<std::uint64_t>(aborted.first.value));
  w.le64(static_cast<std::uint64_t>(aborted.stable.value));
  return out;
}

Result<void> sync_directory(const fs::path& dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Errc::io_error;
  const int rc = ::fsync(fd);
  ::close(fd);
  if (rc != 0) return Errc::io_error;
  return {};
}

fs::path Generation::file(const fs::path& dir, GenerationId id) {
  char name[32];
  std::snprintf(name, sizeof name, "%010u.mdb", id.value);
  return dir / name;
}

Result<std::shared_ptr<Generation>> Generation::create(
    const fs::path& dir,
    std::uint64_t bytes,
    const Head& head,
    const PartitionEnds& starts,
    const Generation* previous
) {
  const fs::path path = file(dir, head.id);
  fs::path temporary = path;
  temporary += ".new";
  std::error_code ignored;
  const auto remove_temporary = [&] {
    fs::remove(temporary, ignored);
    fs::remove(temporary.string() + "-lock", ignored);
  };
  remove_temporary();
  const auto fill = [&]() -> Result<void> {
    auto env = Env::open(temporary, bytes, Env::Mode::writable);
    if (!env) return env.error();
    RUNNEL_TRY((*env)->preallocate());
    auto txn = WriteTxn::begin(**env);
    if (!txn) return txn.error();
    RUNNEL_TRY(txn->put(kHeadKey, with_checksum(kHeadKey, encode(head))));
    for (const auto& [partition, offset] : starts) {
      Bytes value;
      ByteWriter(value).le64(static_cast<std::uint64_t>(offset.value));
      const Bytes key = partition_key(kStartKind, partition);
      RUNNEL_TRY(txn->put(key, with_checksum(key, value)));
    }
    if (previous != nullptr) RUNNEL_TRY(carry_forward(*previous, *txn));
    return txn->commit();
  };
  if (const auto filled = fill(); !filled) {
    remove_temporary();
    return filled.error();
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return Errc::io_error;
  remove_temporary();  // its lock file
  RUNNEL_TRY(sync_directory(dir));
  return open(dir, head.id, Env::Mode::writable);
}

Result<std::shared_ptr<Generation>> Generation::open(
    const fs::path& dir, GenerationId id, Env::Mode mode
) {
  auto generation = std::make_shared<Generation>();
  std::error_code ec;
  const fs::path path = file(dir, id);
  const auto size = fs::file_size(path, ec);
  if (ec) return Errc::not_found;
  if (size < kFileBytesMin) return Errc::damaged;
  if (mode == Env::Mode::writable) RUNNEL_TRY(Env::check(path));
  // A file keeps the size that it was made with, whatever the configuration says today.
  auto env = Env::open(path, size, mode);
  if (!env) return env.error();
  generation->env_ = std::move(*env);
  // Pages behind the end of a file that was cut short would be a SIGBUS.
  if (generation->env_->used_bytes() > size) return Errc::damaged;
  RUNNEL_TRY(generation->read_rows());
  if (generation->head_.id != id) return Errc::damaged;
  return generation;
}

Result<void> Generation::read_rows() {
  auto txn = ReadTxn::begin(*env_);
  if (!txn) return txn.error();
  const auto head_row = read_row(*txn, kHeadKey);
  if (!head_row) return Errc::damaged;
  const auto head = decode_head(*head_row);
  if (!head) return head.error();
  head_ = *head;
  end_ = head_.first;
  mark_ = {head_.hub_ms, head_.wall};
  boot_ = head_.boot;
  bool sound = true;
  RUNNEL_TRY(txn->walk(ByteView(&kStartKind, 1), [&](const ReadTxn::Row& row) {
    if (row.key[0] != kStartKind) return false;
    const auto stored = without_checksum(row.key, row.value);
    ByteReader key(row.key.substr(1));
    ByteReader value(stored ? *stored : ByteView());
    const PartitionId partition(key.be32());
    const Offset start(static_cast<std::int64_t>(value.le64()));
    sound = key.ok() && value.ok() && key.done() && value.done();
    if (sound) starts_[partition] = start;
    return sound;
  }));
  if (!sound) return Errc::damaged;
  ends_ = starts_;
  const auto seal = txn->get(kSealKey);
  sealed_ = seal.has_value();
  if (sealed_) {
    const auto indexed = read_index(*txn, *seal);
    if (indexed) return {};
    if (errc_of(indexed.error()) != Errc::damaged) return indexed.error();
    index_damaged_ = true;
    index_.clear();
    measured_ = true;  // by the walk
    ends_ = starts_;
    end_ = head_.first;
    mark_ = {head_.hub_ms, head_.wall};
    boot_ = head_.boot;
  }
  return walk_for_index(*txn);
}

void Generation::committed(const std::vector<BlockPtr>& blocks) {
  const std::lock_guard lock(mutex_);
  for (const BlockPtr& block : blocks) note(block->head());
}

Position Generation::end() const {
  const std::lock_guard lock(mutex_);
  return end_;
}

PartitionEnds Generation::ends() const {
  const std::lock_guard lock(mutex_);
  return ends_;
}

HubClock::Mark Generation::last_mark() const {
  const std::lock_guard lock(mutex_);
  return mark_;
}

std::uint32_t Generation::boot() const {
  const std::lock_guard lock(mutex_);
  return boot_;
}

Result<Bytes> Generation::read_block(Position position) const {
  auto txn = ReadTxn::begin(*env_);
  if (!txn) return txn.error();
  const auto row = txn->at_or_before(block_key(position));
  if (!row) return row.error();
  if (row->key[0] != kBlockPrefix[0]) return Errc::not_found;
  env_->will_read(row->value.data(), row->value.size());
  return Bytes(row->value);
}

std::vector<PartitionId> Generation::partitions_with_aborts() const {
  std::vector<PartitionId> out;
  const auto txn = ReadTxn::begin(*env_);
  if (!txn) return out;
  // From one partition's first row straight to the next partition's.
  for (bool more = true; more;) {
    more = false;
    const PartitionId from(out.empty() ? 0 : out.back().value + 1);
    (void)txn->walk(partition_key(kAbortedKind, from), [&](const ReadTxn::Row& row) {
      more = row.key.starts_with(kAbortedKind);
      if (more) out.emplace_back(ByteReader(row.key.substr(1)).be32());
      return false;
    });
  }
  return out;
}

Result<Generation::Further> Generation::aborted(
    PartitionId partition, Offset from, Offset until, std::vector<Producers::Aborted>& out
) const {
  auto txn = ReadTxn::begin(*env_);
  if (!txn) return txn.error();
  const Bytes prefix = partition_key(kAbortedKind, partition);
  Further further = Further::perhaps;
  const auto walked = txn->walk(aborted_key(partition, from), [&](const ReadTxn::Row& row) {
    if (!row.key.starts_with(prefix)) return false;
    const auto entry = read_aborted(row);
    if (!entry) return true;
    if (entry->first < until) out.push_back(*entry);
    // What was still open then began behind that.
    if (entry->stable >= until) further = Further::no;
    return further == Further::perhaps;
  });
  if (!walked && errc_of(walked.error()) != Errc::damaged) return walked.error();
  return further;
}

Result<void> Generation::walk_blocks(
    Position from, const std::function<bool(const BlockHead&, ByteView value)>& visit
) const {
  auto txn = ReadTxn::begin(*env_);
  if (!txn) return txn.error();
  return txn->walk(block_key(from), [&](const ReadTxn::Row& row) {
    const auto head = BlockHead::parse(row.value);
    // What cannot be read, or stands under another's key, is not there.
    if (!head || row.key != block_key(head->first)) return true;
    return visit(*head, row.value);
  });
}

}  // namespace runnel::log
