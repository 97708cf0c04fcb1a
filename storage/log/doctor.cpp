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
  Retired retired;
  std::uint64_t first = 0;

  void find(std::string finding) {
    report.healthy = false;
    report.findings.push_back(std::move(finding));
  }

  void check_block(GenerationId id, Position key, ByteView value);
  void check_generation(GenerationId id, bool newest);
  void check_sum();
};

void Examination::check_block(GenerationId id, Position key, ByteView value) {
  ++report.blocks;
  const auto block = Block::make(Bytes(value), false);
  if (!block) {
    find(text("generation ", id.value, ": the head of the block at position ", key.value, " is damaged"));
    next.reset();
    return;
  }
  if ((*block)->first() != key) find(text("generation ", id.value, ": block ", key.value, " says it is ", (*block)->first().value));
  if (next && *next != key) {
    find(text("generation ", id.value, ": a hole between positions ", next->value, " and ", key.value));
  }
  next = (*block)->end();
  report.records += (*block)->records();
  if ((*block)->damaged() > 0) {
    report.damaged_records += (*block)->damaged();
    find(text("generation ", id.value, ": ", (*block)->damaged(), " records at position ", key.value, " have a wrong checksum"));
  }
  for (const BlockEntry& e : (*block)->head().entries) {
    const auto end = ends.find(e.partition);
    const std::int64_t expected = end == ends.end() ? 0 : end->second.value;
    if (e.base.value != expected) {
      find(text("generation ", id.value, ": partition ", e.partition.value, " goes on at offset ", e.base.value, " instead of ", expected));
    }
    ends[e.partition] = Offset(e.base.value + e.records);
  }
}

void Examination::check_generation(GenerationId id, bool newest) {
  const Env::Mode mode = report.running && newest ? Env::Mode::observer : Env::Mode::read_only;
  auto generation = Generation::open(dir, id, mode);
  if (!generation) {
    find(text("generation ", id.value, " cannot be opened: ", describe(errc_of(generation.error()))));
    next.reset();
    return;
  }
  ++report.generations;
  report.disk_bytes += (*generation)->env().map_bytes();
  const Position begin = (*generation)->head().first;
  if (next && *next != begin) {
    find(text("generation ", id.value, " begins at position ", begin.value, " instead of ", next->value));
  }
  if (!next) first = begin.value;
  next = begin;
  if (ends.empty()) {
    ends = (*generation)->starts();
  } else if (ends != (*generation)->starts()) {
    find(text("generation ", id.value, " does not begin at the offsets where the one before ended"));
    ends = (*generation)->starts();
  }
  auto txn = ReadTxn::begin((*generation)->env());
  if (!txn) {
    find(text("generation ", id.value, " cannot be read"));
    return;
  }
  const auto walked = txn->walk(block_key(Position(0)), [&](const ReadTxn::Row& row) {
    ByteReader key(row.key.substr(1));
    check_block(id, Position(key.be64()), row.value);
    return true;
  });
  if (!walked) find(text("generation ", id.value, ": its pages cannot be walked"));
  if (!newest) return;
  const auto counted = txn->walk(kStatePrefix, [&](const ReadTxn::Row& row) {
    if (row.key[0] != kStatePrefix[0]) return false;
    ++report.state_rows;
    return true;
  });
  if (!counted) find(text("generation ", id.value, ": its state cannot be walked"));
  if (const auto row = txn->get(kRetiredKey)) {
    if (const auto decoded = Retired::decode(*row)) retired = *decoded;
  }
}

void Examination::check_sum() {
  report.expired = retired.expired;
  report.discarded = retired.discarded;
  report.partitions = ends.size();
  const std::uint64_t accepted = next ? next->value : 0;
  if (next && accepted != report.records + retired.expired + retired.discarded) {
    find(text("accepted ", accepted, " is not stored ", report.records, " + expired ", retired.expired, " + discarded ", retired.discarded));
  }
  std::uint64_t ended = 0;
  for (const auto& [partition, end] : ends) ended += static_cast<std::uint64_t>(end.value);
  if (next && ended != accepted) {
    find(text("the partitions end at ", ended, " records in all, the log at ", accepted));
  }
}

}  // namespace

DoctorReport examine(const fs::path& data_dir) {
  Examination e;
  e.dir = data_dir;
  std::error_code ec;
  std::vector<GenerationId> ids;
  for (const auto& entry : fs::directory_iterator(data_dir, ec)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".damaged")) e.find(text("a damaged generation was set aside: ", name));
    if (name.size() != 14 || !name.ends_with(".mdb")) continue;
    std::uint32_t id = 0;
    std::from_chars(name.data(), name.data() + 10, id);
    if (id > 0) ids.emplace_back(id);
  }
  if (ec) {
    e.find(text("cannot read ", data_dir.string(), ": ", ec.message()));
    return e.report;
  }
  if (ids.empty()) {
    e.find(text("no log in ", data_dir.string()));
    return e.report;
  }
  std::sort(ids.begin(), ids.end());
  e.report.running = held(data_dir);
  // The newest says which generations still count: an older file may wait for its unlinking.
  if (const auto newest = Generation::open(
          data_dir,
          ids.back(),
          e.report.running ? Env::Mode::observer : Env::Mode::read_only
      )) {
    if (auto txn = ReadTxn::begin((*newest)->env())) {
      if (const auto row = txn->get(kRetiredKey)) {
        if (const auto retired = Retired::decode(*row)) e.retired = *retired;
      }
    }
  }
  for (const GenerationId id : ids) {
    if (id >= e.retired.oldest) e.check_generation(id, id == ids.back());
  }
  e.check_sum();
  return e.report;
}

}  // namespace runnel::log
