#include "tests/crash/workload.h"

#include "storage/log/foreign_batch.h"

#include <algorithm>
#include <cstdio>
#include <random>
#include <sstream>

namespace runnel::crash {
namespace {

using Random = std::mt19937_64;

Bytes random_bytes(Random& random, std::size_t size) {
  Bytes out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

MadeRecord make_record(Random& random, std::size_t group, std::size_t index) {
  MadeRecord record;
  record.partition = PartitionId(static_cast<std::uint32_t>(random() % kPartitions));
  record.timestamp_ms = static_cast<std::int64_t>(1'700'000'000'000 + random() % 1'000'000);
  if (record.partition == kCompacted) {
    // The higher, the rarer: the newest of some are soon in a generation that has gone.
    record.key = "key " + std::to_string((random() % 150) * (random() % 150) / 150);
  } else if (random() % 8 != 0) {
    record.key = std::to_string(group) + "/" + std::to_string(index);
  }
  if (random() % 16 != 0) {
    const bool large = random() % 64 == 0;
    record.value = random_bytes(random, large ? 2000 + random() % 9000 : random() % 300);
  }
  for (std::size_t i = random() % 8; i > 5; --i) {
    record.headers.emplace_back("h" + std::to_string(i), random_bytes(random, random() % 20));
  }
  return record;
}

// What a mirror gets: records at offsets of their own, or a leap over some that it never gets.
void make_mirrored(Random& random, MadeGroup& group, std::int64_t& end) {
  const auto in_mirror = static_cast<std::int64_t>(
      std::ranges::count(group.records, kMirror, &MadeRecord::partition)
  );
  const bool hole = end == 0 || random() % 4 == 0;
  if (in_mirror == 0 && (!group.records.empty() || end == 0 || !hole)) return;
  if (hole) end += 1 + static_cast<std::int64_t>(random() % 100);
  (in_mirror == 0 ? group.leap : group.mirrored) = Offset(end);
  end += in_mirror;
}

MadeGroup make_group(Random& random, std::size_t index, std::int64_t& mirror_end) {
  MadeGroup group;
  const auto kind = random() % 20;
  std::size_t records = 1 + random() % 12;
  if (kind == 0) records = 0;
  if (kind >= 14) records = 20 + random() % 60;
  if (kind == 19) records = 200 + random() % 300;
  for (std::size_t i = 0; i < records; ++i) {
    group.records.push_back(make_record(random, index, i));
  }
  for (std::size_t i = records == 0 ? 1 + random() % 3 : random() % 3; i > 0; --i) {
    const Bytes key = "row/" + std::to_string(random() % 40);
    if (random() % 6 == 0) {
      group.state.emplace_back(key, std::nullopt);
    } else {
      const bool large = random() % 20 == 0;
      group.state.emplace_back(key, random_bytes(random, large ? 5000 : random() % 200));
    }
  }
  make_mirrored(random, group, mirror_end);
  return group;
}

}  // namespace

bool MadeRecord::equals(const log::RecordView& view) const {
  if (view.key != key || view.value != value || view.timestamp_ms != timestamp_ms) return false;
  log::HeaderReader reader(view);
  log::Header header;
  for (const auto& [name, text] : headers) {
    if (!reader.next(header) || header.name != name || header.value != text) return false;
  }
  return !reader.next(header);
}

void MadeGroup::fill(log::Group& group) const {
  std::vector<log::Header> headers;
  log::BatchBuilder in_mirror;
  for (const MadeRecord& made : records) {
    headers.clear();
    for (const auto& [name, value] : made.headers) headers.push_back({name, value});
    log::NewRecord record;
    record.key = made.key;
    record.value = made.value;
    record.headers = headers;
    record.timestamp_ms = made.timestamp_ms;
    mirrored && made.partition == kMirror ? in_mirror.append(record) : group.append(made.partition, record);
  }
  if (mirrored) {
    in_mirror.seal(*mirrored);
    group.append_replica(kMirror, in_mirror.bytes());
  }
  if (leap) group.leap(kMirror, *leap);
  for (const auto& [key, value] : state) {
    if (value) {
      group.put_state(key, *value);
    } else {
      group.erase_state(key);
    }
  }
}

log::PartitionRuleMap rules() {
  log::PartitionRuleMap out;
  out[kCompacted].compacted = true;
  return out;
}

std::vector<MadeGroup> make_groups(std::uint64_t seed, std::size_t count) {
  std::vector<MadeGroup> groups;
  Random random(seed);
  std::int64_t mirror_end = 0;
  for (std::size_t i = 0; i < count; ++i) groups.push_back(make_group(random, i, mirror_end));
  return groups;
}

std::string ledger_line(const Fate& fate) {
  std::ostringstream out;
  out << "group " << fate.records << ' ' << fate.state << ' ' << fate.end << ' ' << fate.first
      << '\n';
  return out.str();
}

Ledger parse_ledger(ByteView text) {
  Ledger ledger;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == ByteView::npos) break;
    std::istringstream line{std::string(text.substr(0, end))};
    text.remove_prefix(end + 1);
    std::string word;
    Fate fate;
    if (line >> word >> fate.records >> fate.state >> fate.end >> fate.first && word == "group") {
      ledger.push_back(fate);
    }
  }
  return ledger;
}

}  // namespace runnel::crash
