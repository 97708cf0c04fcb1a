// Opens a log as it was found after a crash and holds it against what was written and acknowledged.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/crash/workload.h"

namespace runnel::crash {

class LogCheck {
 public:
  // `ledger` holds the fates of the first groups, as far as they are known.
  LogCheck(std::vector<MadeGroup> groups, Ledger ledger);

  // What is wrong with the log in `dir`, "" for nothing. The first `settled` groups of the ledger
  // had been acknowledged; the next one may be there, whole, or not at all. Checked are:
  //   - doctor finds nothing before the log is opened, nor at the end
  //   - it opens; every record that was acknowledged and not discarded is there, byte by byte,
  //     offsets (but for the mirror's holes) and positions dense, in order; and nothing else is
  //   - of the compacted partition, the newest record of every key is there, discarded or not
  //   - the state rows are those of the same moment
  //   - records are discarded only as the ledger says
  //   - a further group commits, and the files stay below the ceiling
  // Changes the directory.
  [[nodiscard]] std::string check(const std::filesystem::path& dir, std::size_t settled) const;

 private:
  struct Place {
    std::size_t group;
    std::size_t record;
  };

  // The log after some groups: records of the first `groups`, state of the first `states`.
  struct Moment {
    std::size_t groups;
    std::size_t states;
  };

  [[nodiscard]] std::vector<Moment> possible(std::size_t settled) const;
  [[nodiscard]] std::string compare(const log::Log& log, const Moment& moment, std::size_t settled)
      const;
  [[nodiscard]] std::string compare_state(const log::Log& log, std::size_t states) const;
  [[nodiscard]] std::string compare_partition(
      const log::Log& log, PartitionId partition, std::int64_t oldest, std::int64_t end
  ) const;
  [[nodiscard]] std::string compare_newest(
      const std::set<std::int64_t>& seen, std::int64_t end
  ) const;
  [[nodiscard]] std::string compare_blocks(const log::Log& log) const;
  [[nodiscard]] std::string commit_further(log::Log& log, std::size_t group) const;

  static std::size_t first_in_mirror(const MadeGroup& group);
  void leap(Offset to, std::vector<std::int64_t>& ends);
  // The mirror never had a record there.
  [[nodiscard]] bool nobody(PartitionId partition, std::int64_t offset) const;

  [[nodiscard]] bool stores(std::size_t group) const {
    return group >= ledger_.size() || ledger_[group].records;
  }

  std::vector<MadeGroup> groups_;
  Ledger ledger_;
  std::vector<std::vector<Place>> partitions_;   // by partition and offset: its records
  std::int64_t begun_ = 0;                       // the mirror's first offset
  std::vector<std::vector<std::int64_t>> ends_;  // after so many groups: end of each partition
  std::vector<std::uint64_t> positions_;         // likewise, of the whole log
};

}  // namespace runnel::crash
