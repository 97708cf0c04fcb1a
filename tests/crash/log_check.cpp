#include "tests/crash/log_check.h"

#include <algorithm>

#include "storage/base/logger.h"
#include "storage/log/doctor.h"

namespace runnel::crash {
namespace {

using logger::text;

constexpr std::size_t kFetchBytes = 64 << 10;

// Of an offset that no record has.
constexpr std::size_t kNobody = ~std::size_t{0};

log::LogOptions options_for(const std::filesystem::path& dir) {
  log::LogOptions options;
  options.dir = dir;
  options.limit_bytes = kLimitBytes;
  options.generation_bytes = kGenerationBytes;
  return options;
}

std::string doctor_says(const std::filesystem::path& dir, ByteView when) {
  const log::DoctorReport report = log::examine(dir);
  if (report.healthy) return "";
  return text(
      "doctor, ", when, ": ", report.findings.empty() ? "unhealthy" : report.findings.front()
  );
}

std::uint64_t bytes_in(const std::filesystem::path& dir) {
  std::uint64_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    if (entry.is_regular_file()) sum += entry.file_size();
  }
  return sum;
}

}  // namespace

LogCheck::LogCheck(std::vector<MadeGroup> groups, Ledger ledger)
    : groups_(std::move(groups)), ledger_(std::move(ledger)), partitions_(kPartitions) {
  std::vector<std::int64_t> ends(kPartitions, 0);
  std::uint64_t position = 0;
  ends_.push_back(ends);
  positions_.push_back(position);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::size_t r = 0; stores(g) && r < groups_[g].records.size(); ++r) {
      const std::uint32_t partition = groups_[g].records[r].partition.value;
      if (partition == kMirror.value && r == first_in_mirror(groups_[g])) leap(*groups_[g].mirrored, ends);
      partitions_[partition].push_back({g, r});
      ++ends[partition];
      ++position;
    }
    if (stores(g) && groups_[g].leap) leap(*groups_[g].leap, ends);
    ends_.push_back(ends);
    positions_.push_back(position);
  }
}

std::size_t LogCheck::first_in_mirror(const MadeGroup& group) {
  const auto first = std::ranges::find(group.records, kMirror, &MadeRecord::partition);
  return static_cast<std::size_t>(first - group.records.begin());
}

void LogCheck::leap(Offset to, std::vector<std::int64_t>& ends) {
  auto& mirror = partitions_[kMirror.value];
  if (mirror.empty()) begun_ = to.value;
  mirror.resize(static_cast<std::size_t>(to.value), Place{kNobody, 0});
  ends[kMirror.value] = to.value;
}

bool LogCheck::nobody(PartitionId partition, std::int64_t offset) const {
  return partitions_[partition.value][static_cast<std::size_t>(offset)].group == kNobody;
}

// What a cut may leave of the group that was being committed: all of it or nothing; or, where its
// records were or may have been refused, its state alone.
std::vector<LogCheck::Moment> LogCheck::possible(std::size_t settled) const {
  std::vector<Moment> moments = {{settled, settled}};
  if (settled < groups_.size()) {
    moments.push_back({settled + 1, settled + 1});
    if (settled >= ledger_.size()) moments.push_back({settled, settled + 1});
  }
  return moments;
}

std::string LogCheck::check(const std::filesystem::path& dir, std::size_t settled) const {
  const bool empty = settled == 0 && !std::filesystem::exists(dir / "0000000001.mdb");
  if (!empty) {
    if (std::string why = doctor_says(dir, "before opening"); !why.empty()) return why;
  }
  const SystemClock clock;
  {
    auto log = log::Log::open(options_for(dir), clock);
    if (!log) return text("it does not open: ", describe(errc_of(log.error())));
    (*log)->set_rules(rules());
    std::string why;
    std::optional<Moment> found;
    for (const Moment& moment : possible(settled)) {
      const std::string differs = compare(**log, moment, settled);
      if (differs.empty()) {
        found = moment;
        break;
      }
      // The farthest moment that the records agree with gives the better sentence.
      if (why.empty() || (*log)->end().value == positions_[moment.groups]) why = differs;
    }
    if (!found) return why;
    if (why = commit_further(**log, found->groups); !why.empty()) return why;
  }
  if (const std::uint64_t bytes = bytes_in(dir); bytes > kLimitBytes) {
    return text("the files take ", bytes, " bytes, above the ceiling of ", kLimitBytes);
  }
  return doctor_says(dir, "at the end");
}

std::string LogCheck::compare(const log::Log& log, const Moment& moment, std::size_t settled)
    const {
  if (log.end().value != positions_[moment.groups]) {
    return text(
        "LOST: ", positions_[settled], " records acknowledged, the log ends at ", log.end().value
    );
  }
  const std::uint64_t first = log.first().value;
  const std::uint64_t least = settled == 0 ? 0 : ledger_[settled - 1].first;
  const bool bounded = settled < ledger_.size();
  if (first < least || (bounded && first > ledger_[settled].first)) {
    return text("the log begins at ", first, ", the ledger said ", least);
  }
  const log::Log::Totals totals = log.totals();
  if (totals.accepted != log.end().value ||
      totals.stored + totals.expired + totals.discarded != totals.accepted) {
    return text(
        "accepted ",
        totals.accepted,
        " is not ",
        totals.stored,
        " + ",
        totals.expired,
        " + ",
        totals.discarded
    );
  }
  // Generations begin between groups.
  const auto begins = std::ranges::lower_bound(positions_, first);
  if (begins == positions_.end() || *begins != first) {
    return text("the log begins at ", first, ", inside a group");
  }
  const auto& starts = ends_[static_cast<std::size_t>(begins - positions_.begin())];
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    std::string why = compare_partition(log, PartitionId(p), starts[p], ends_[moment.groups][p]);
    if (!why.empty()) return why;
  }
  if (std::string why = compare_blocks(log); !why.empty()) return why;
  return compare_state(log, moment.states);
}

std::string LogCheck::compare_partition(
    const log::Log& log, PartitionId partition, std::int64_t oldest, std::int64_t end
) const {
  const bool mirror = partition == kMirror;
  if (mirror && end > 0) oldest = std::max(oldest, begun_);
  const log::PartitionRange range = log.range(partition);
  const bool compacted = partition == kCompacted;
  const std::int64_t start = range.log_start.value;
  if (compacted ? start > oldest : start != oldest) {
    return text("partition ", partition.value, " begins at ", start, " instead of ", oldest);
  }
  if (range.high_watermark.value != end) {
    return text(
        "partition ", partition.value, " ends at ", range.high_watermark.value, " instead of ", end
    );
  }
  std::int64_t next = start;
  std::set<std::int64_t> seen;
  while (next < end) {
    const auto fetched = log.fetch(partition, Offset(next), kFetchBytes);
    if (!fetched) return text("fetch at ", next, ": ", describe(errc_of(fetched.error())));
    if (fetched->damaged != 0) return text("fetch at ", next, ": ", fetched->damaged, " damaged");
    ByteView rest = fetched->batches;
    const std::int64_t before = next;
    while (!rest.empty()) {
      ByteReader head(rest);
      head.be64();
      const std::size_t size = 12 + head.be32();
      const auto batch = log::BatchView::parse(rest.substr(0, size), true);
      if (!batch) return text("fetch at ", next, ": a batch that is none");
      rest.remove_prefix(std::min(size, rest.size()));
      std::size_t at = log::BatchView::first_record();
      for (std::uint32_t i = 0; i < batch->records(); ++i) {
        const auto record = batch->record_at(at);
        if (!record) return text("fetch at ", next, ": a record that is none");
        if (record->offset.value < before) continue;  // the batch began before what was asked for
        // In front of the oldest generation is what compaction has kept.
        if (next < oldest) next = std::min(record->offset.value, oldest);
        while (mirror && next < record->offset.value && nobody(partition, next)) ++next;
        if (record->offset.value != next)
          return text("offset ", record->offset.value, " instead of ", next);
        const Place& place = partitions_[partition.value][static_cast<std::size_t>(next)];
        if (!groups_[place.group].records[place.record].equals(*record)) {
          return text(
              "partition ",
              partition.value,
              " offset ",
              next,
              " has other bytes than were acknowledged"
          );
        }
        if (compacted) seen.insert(next);
        ++next;
      }
    }
    if (next == before && compacted) next = fetched->next.value;
    while (mirror && next < std::min(end, fetched->next.value) && nobody(partition, next)) ++next;
    if (next == before) return text("fetch at ", next, " goes no further");
  }
  return compacted ? compare_newest(seen, end) : "";
}

std::string LogCheck::compare_newest(const std::set<std::int64_t>& seen, std::int64_t end) const {
  const std::vector<Place>& places = partitions_[kCompacted.value];
  std::map<Bytes, std::int64_t> newest;
  for (std::int64_t offset = 0; offset < end; ++offset) {
    const Place& place = places[static_cast<std::size_t>(offset)];
    const MadeRecord& record = groups_[place.group].records[place.record];
    newest[*record.key] = offset;
  }
  for (const auto& [key, offset] : newest) {
    if (!seen.contains(offset)) return text("LOST: offset ", offset, ", the newest of ", key);
  }
  return "";
}

// The other way to read: by position, over all partitions.
std::string LogCheck::compare_blocks(const log::Log& log) const {
  Position position = log.first();
  while (position < log.end()) {
    const auto block = log.read_block(position);
    if (!block) return text("block at ", position.value, ": ", describe(errc_of(block.error())));
    if ((*block)->first() != position) {
      return text("the block at ", position.value, " begins at ", (*block)->first().value);
    }
    for (std::uint32_t i = 0; i < (*block)->records(); ++i) {
      const auto record = (*block)->record(i);
      if (!record) return text("record ", i, " of the block at ", position.value, " is damaged");
      const Place& place =
          partitions_[(*block)->partition(i).value][static_cast<std::size_t>(record->offset.value)];
      if (!groups_[place.group].records[place.record].equals(*record)) {
        return text("position ", position.value + i, " has other bytes than were acknowledged");
      }
    }
    position = (*block)->end();
  }
  return "";
}

std::string LogCheck::compare_state(const log::Log& log, std::size_t states) const {
  std::map<Bytes, Bytes> expected;
  for (std::size_t g = 0; g < states; ++g) {
    if (g < ledger_.size() && !ledger_[g].state) continue;
    for (const auto& [key, value] : groups_[g].state) {
      if (value) {
        expected[key] = *value;
      } else {
        expected.erase(key);
      }
    }
  }
  std::map<Bytes, Bytes> found;
  const auto walked = log.each_state("", [&](ByteView name, ByteView value) {
    if (!name.starts_with(log::kKeptKind) && !name.starts_with(log::kLeapKind)) found[Bytes(name)] = value;
  });
  if (!walked) return "the state cannot be read";
  if (found != expected) {
    return text(
        "state: ", found.size(), " rows that are not the ", expected.size(), " of this moment"
    );
  }
  return "";
}

std::string LogCheck::commit_further(log::Log& log, std::size_t group) const {
  MadeRecord made;
  made.partition = PartitionId(static_cast<std::uint32_t>(group % kPartitions));
  made.value = "after the crash";
  const Offset before = log.range(made.partition).high_watermark;
  log::Group further;
  MadeGroup{{made}, {{"after", "the crash"}}}.fill(further);
  if (const Errc outcome = log.commit(further); outcome != Errc::ok) {
    return text("a further group does not commit: ", describe(outcome));
  }
  const auto fetched = log.fetch(made.partition, before, kFetchBytes);
  if (!fetched) return "a further record cannot be fetched";
  const auto batch = log::BatchView::parse(fetched->batches, true);
  if (!batch) return "a further record is not what was appended";
  std::size_t at = log::BatchView::first_record();
  const auto record = batch->record_at(at);
  if (!record || record->offset != before || !made.equals(*record)) {
    return "a further record is not what was appended";
  }
  return "";
}

}  // namespace runnel::crash
