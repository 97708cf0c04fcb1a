#include "storage/log/doctor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "storage/base/logger.h"
#include "storage/log/generation.h"
#include "storage/log/leaps.h"

namespace runnel::log {
namespace {

namespace fs = std::filesystem;
using logger::text;

bool held(const fs::path& dir) {
  const int fd = ::open((dir / "LOCK").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool taken = ::flock(fd, LOCK_SH | LOCK_NB) != 0;
  ::close(fd);
  return taken;
}

struct Examination {
  fs::path dir;
  DoctorReport report;
  std::optional<Position> next;  // where the next block must begin
  PartitionEnds ends;
  Retired retired;  // as the newest generation had it before anything was read
  Leaps leaps;      // holes that are none
  bool vanished = false;

  void find(std::string finding) {
    report.healthy = false;
    report.findings.push_back(std::move(finding));
  }

  // Records between `next` and `position`, if there are any, are lost.
  void note_hole(Position position);

  void check_block(GenerationId id, Position key, ByteView value);
  void check_generation(GenerationId id, bool newest);
  void check_state(GenerationId id, const ReadTxn& txn);
  void read_leaps(const ReadTxn& txn);
  void check_sum();
};

void Examination::note_hole(Position position) {
  if (next && position > *next) report.damaged_records += position.value - next->value;
}

void Examination::check_block(GenerationId id, Position key, ByteView value) {
  ++report.blocks;
  const auto block = Block::make(Bytes(value), false);
  if (!block) {
    find(text(
        "generation ", id.value, ": the head of the block at position ", key.value, " is damaged"
    ));
    return;
  }
  if ((*block)->first() != key)
    find(text(
        "generation ", id.value, ": block ", key.value, " says it is ", (*block)->first().value
    ));
  if (next && *next != key) {
    find(text(
        "generation ", id.value, ": a hole between positions ", next->value, " and ", key.value
    ));
    note_hole(key);
  }
  next = (*block)->end();
  report.records += (*block)->records();
  if ((*block)->damaged() > 0) {
    report.damaged_records += (*block)->damaged();
    find(text(
        "generation ",
        id.value,
        ": ",
        (*block)->damaged(),
        " records at position ",
        key.value,
        " have a wrong checksum"
    ));
  }
  for (const BlockEntry& e : (*block)->head().entries) {
    const auto end = ends.find(e.partition);
    const std::int64_t expected = end == ends.end() ? 0 : end->second.value;
    const bool leap = leaps.has(e.partition) && e.base.value > expected;
    if (e.base.value != expected && !leap) {
      find(text(
          "generation ",
          id.value,
          ": partition ",
          e.partition.value,
          " goes on at offset ",
          e.base.value,
          " instead of ",
          expected
      ));
    }
    ends[e.partition] = Offset(e.base.value + e.records);
  }
}

void Examination::check_generation(GenerationId id, bool newest) {
  const Env::Mode mode = report.running && newest ? Env::Mode::observer : Env::Mode::read_only;
  auto generation = Generation::open(dir, id, mode);
  if (!generation && errc_of(generation.error()) == Errc::not_found) {
    vanished = true;
    return;
  }
  if (!generation) {
    find(text("generation ", id.value, " cannot be opened: ", describe(errc_of(generation.error())))
    );
    return;
  }
  ++report.generations;
  report.disk_bytes += (*generation)->env().map_bytes();
  const Position begin = (*generation)->head().first;
  if (next && *next != begin) {
    find(text(
        "generation ", id.value, " begins at position ", begin.value, " instead of ", next->value
    ));
    note_hole(begin);
  }
  next = begin;
  if ((*generation)->index_damaged()) {
    find(text(
        "generation ", id.value, ": its index, or a page, is damaged; its blocks are walked instead"
    ));
  }
  const bool oldest = ends.empty();
  for (const auto& [partition, start] : (*generation)->starts()) {
    if (leaps.has(partition) && start > ends[partition]) ends[partition] = start;
  }
  if (oldest) {
    ends = (*generation)->starts();
  } else if (ends != (*generation)->starts()) {
    find(text("generation ", id.value, " does not begin at the offsets where the one before ended")
    );
    ends = (*generation)->starts();
  }
  auto txn = ReadTxn::begin((*generation)->env());
  if (!txn) {
    find(text("generation ", id.value, " cannot be read"));
    return;
  }
  if (newest) read_leaps(*txn);
  const auto walked = txn->walk(block_key(Position(0)), [&](const ReadTxn::Row& row) {
    ByteReader key(row.key.substr(1));
    check_block(id, Position(key.be64()), row.value);
    return true;
  });
  if (!walked) find(text("generation ", id.value, ": its pages cannot be walked"));
  if (newest) check_state(id, *txn);
}

void Examination::check_state(GenerationId id, const ReadTxn& txn) {
  std::uint64_t damaged = 0;
  const auto counted = txn.walk(kStatePrefix, [&](const ReadTxn::Row& row) {
    if (row.key[0] != kStatePrefix[0]) return false;
    ++report.state_rows;
    if (!without_checksum(row.key, row.value)) ++damaged;
    return true;
  });
  if (!counted) find(text("generation ", id.value, ": its state cannot be walked"));
  if (damaged > 0) {
    find(text("generation ", id.value, ": ", damaged, " rows of the state have a wrong checksum"));
  }
  if (const auto row = txn.get(kRetiredKey); row && !Retired::decode(*row)) {
    find(text("generation ", id.value, ": the row of what was retired has a wrong checksum"));
  }
}

void Examination::read_leaps(const ReadTxn& txn) {
  const Bytes from = state_key(kLeapKind);
  (void)txn.walk(from, [&](const ReadTxn::Row& row) {
    if (!row.key.starts_with(from)) return false;
    if (const auto value = without_checksum(row.key, row.value)) {
      (void)leaps.load(row.key.substr(1), *value);
    }
    return true;
  });
}

void Examination::check_sum() {
  report.expired = retired.expired;
  report.discarded = retired.discarded;
  report.partitions = ends.size();
  const std::uint64_t accepted = next ? next->value : 0;
  if (next && accepted != report.records + retired.expired + retired.discarded) {
    find(text(
        "accepted ",
        accepted,
        " is not stored ",
        report.records,
        " + expired ",
        retired.expired,
        " + discarded ",
        retired.discarded
    ));
  }
  std::uint64_t ended = 0;
  for (const auto& [partition, leap] : leaps.all()) {
    // It may have leapt behind its last record.
    ends[partition] = std::max(ends[partition], leap.end);
    ended -= static_cast<std::uint64_t>(leap.skipped);
  }
  for (const auto& [partition, end] : ends) ended += static_cast<std::uint64_t>(end.value);
  if (next && ended != accepted) {
    find(text("the partitions end at ", ended, " records in all, the log at ", accepted));
  }
}

}  // namespace

namespace {

// The newest says which generations still count: an older file may wait for its unlinking.
Retired read_retired(const fs::path& dir, GenerationId newest, Env::Mode mode, Examination& e) {
  const auto generation = Generation::open(dir, newest, mode);
  if (!generation) return {};
  const auto txn = ReadTxn::begin((*generation)->env());
  if (!txn) return {};
  e.read_leaps(*txn);
  const auto row = txn->get(kRetiredKey);
  if (!row) return {};
  const auto retired = Retired::decode(*row);
  return retired ? *retired : Retired{};
}

Examination examine_once(const fs::path& data_dir) {
  Examination e;
  e.dir = data_dir;
  std::error_code ec;
  std::vector<GenerationId> ids;
  for (const auto& entry : fs::directory_iterator(data_dir, ec)) {
    const std::string name = entry.path().filename().string();
    if (name.find(".mdb.damaged") != std::string::npos) {
      e.find(text("a damaged generation was set aside: ", name));
    }
    if (name.size() != 14 || !name.ends_with(".mdb")) continue;
    std::uint32_t id = 0;
    std::from_chars(name.data(), name.data() + 10, id);
    if (id > 0) ids.emplace_back(id);
  }
  if (ec) {
    e.find(text("cannot read ", data_dir.string(), ": ", ec.message()));
    return e;
  }
  if (ids.empty()) {
    e.find(text("no log in ", data_dir.string()));
    return e;
  }
  std::sort(ids.begin(), ids.end());
  e.report.running = held(data_dir);
  const auto mode = e.report.running ? Env::Mode::observer : Env::Mode::read_only;
  e.retired = read_retired(data_dir, ids.back(), mode, e);
  for (const GenerationId id : ids) {
    if (id >= e.retired.oldest) e.check_generation(id, id == ids.back());
  }
  e.check_sum();
  return e;
}

}  // namespace

DoctorReport examine(const fs::path& data_dir) {
  // A running hub may retire a generation that is still to be read; then all begins anew.
  constexpr int kTries = 20;
  Examination e = examine_once(data_dir);
  for (int i = 1; i < kTries && e.vanished; ++i) e = examine_once(data_dir);
  if (e.vanished) e.find("generations were retired faster than they could be read");
  return e.report;
}

}  // namespace runnel::log
