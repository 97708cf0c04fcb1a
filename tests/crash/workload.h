// What the recorded program writes, made from a seed, so that a checker knows every byte without
// being told: groups of records over a few partitions, and changes of state rows. Also the ledger
// in which the program says what became of each group.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/log/log.h"

namespace runnel::crash {

constexpr std::uint32_t kPartitions = 6;

// One of them is compacted.
constexpr PartitionId kCompacted{4};
log::PartitionRuleMap rules();

// One is a mirror: its records have the offsets that they had elsewhere, with holes between.
constexpr PartitionId kMirror{5};

// Small generations, so that a run of a few hundred groups rolls and retires many times. A group
// may fill a third of one.
constexpr std::uint64_t kGenerationBytes = 512 << 10;
constexpr std::uint64_t kLimitBytes = (1 << 20) + 4 * kGenerationBytes;

struct MadeRecord {
  PartitionId partition{};
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  std::vector<std::pair<Bytes, Bytes>> headers;
  std::int64_t timestamp_ms = 0;

  // Whether it was read back as it was made.
  [[nodiscard]] bool equals(const log::RecordView& view) const;
};

struct MadeGroup {
  std::vector<MadeRecord> records;
  std::vector<std::pair<Bytes, std::optional<Bytes>>> state;  // nullopt: erased
  std::optional<Offset> mirrored{};  // where its records in the mirror begin
  std::optional<Offset> leap{};      // the mirror goes on there; in a group without records

  void fill(log::Group& group) const;
};

// Groups 0 to count-1 of a seed.
std::vector<MadeGroup> make_groups(std::uint64_t seed, std::size_t count);

// What became of one group, as the program was told by the log.
struct Fate {
  bool records = false;   // stored
  bool state = false;     // stored
  std::uint64_t end = 0;  // positions after the group
  std::uint64_t first = 0;
};

using Ledger = std::vector<Fate>;

std::string ledger_line(const Fate& fate);

// The complete lines that begin with "group"; others are remarks.
Ledger parse_ledger(ByteView text);

}  // namespace runnel::crash
