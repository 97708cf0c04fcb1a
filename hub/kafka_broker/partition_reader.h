// How batches are read for those who fetch: off the io thread, since a page may have to come from the
// disk. Threads: the io thread; `done` is called there, in a turn, and never from inside read().
#pragma once

#include <functional>

#include "hub/core/turn.h"
#include "storage/log/log.h"

namespace runnel::kafka {

class PartitionReader {
 public:
  using Done = std::function<void(Result<log::Fetched>, core::Turn&)>;

  virtual ~PartitionReader() = default;

  // As log::Log::fetch.
  virtual void read(
      PartitionId partition,
      Offset offset,
      std::size_t bytes_max,
      log::Isolation isolation,
      Done done
  ) = 0;

  using Found = std::function<void(Result<log::TimedOffset>, core::Turn&)>;

  // As log::Log::find_time.
  virtual void find_time(PartitionId partition, std::int64_t timestamp_ms, Found done) = 0;

  using Listed = std::function<void(Result<log::Log::KnownProducers>, core::Turn&)>;

  // As log::Log::producers.
  virtual void producers(PartitionId partition, Listed done) = 0;

  using Measured = std::function<void(Result<log::Log::DiskUse>, core::Turn&)>;

  // As log::Log::disk_use.
  virtual void disk_use(Measured done) = 0;
};

}  // namespace runnel::kafka
