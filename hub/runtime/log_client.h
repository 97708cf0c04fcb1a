// The io thread's side of the log: hands groups to the commit thread and reads to the read thread,
// and brings their outcomes back. This file and the committer are all there is of crossing threads
// on the way of an event.
//
// Threads: all calls on the io thread; all callbacks on the io thread.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "storage/log/committer.h"
#include "storage/log/log.h"

namespace runnel::runtime {

class LogClient {
 public:
  using Committed = std::function<void(const log::Group&)>;

  // All outlive this.
  LogClient(boost::asio::io_context& io, log::Log& log, log::CommitLimits limits);

  // `committed` is called for every group that the commit thread is done with, in order.
  void start(Committed committed);

  // The group that waits for the next commit (committer.h). Keep it short.
  [[nodiscard]] log::Committer::Filling fill() { return committer_.fill(); }
  void set_limits(log::CommitLimits limits);
  [[nodiscard]] const log::CommitLimits& limits() const { return limits_; }

  void read_block(Position position, std::function<void(Result<log::BlockPtr>)> done);
  void fetch(
      PartitionId partition,
      Offset offset,
      std::size_t bytes_max,
      log::Isolation isolation,
      std::function<void(Result<log::Fetched>)> done
  );

  void producers(
      PartitionId partition, std::function<void(Result<log::Log::KnownProducers>)> done
  );
  void disk_use(std::function<void(Result<log::Log::DiskUse>)> done);
  void find_time(
      PartitionId partition,
      std::int64_t at_least_ms,
      std::function<void(Result<log::TimedOffset>)> done
  );

  // As Log::position_of with a partition, as Log::position_at without.
  void find_position(
      std::optional<PartitionId> partition,
      Offset offset,
      std::int64_t at_least_ms,
      std::function<void(Result<Position>)> done
  );

  // Commits what was put in, and ends both threads. Outcomes that are still to come are posted to
  // the io context, whose handlers may be run (or dropped) afterwards.
  void stop();
  // After stop(): commits what was put in meanwhile, and waits for it.
  void finish() { committer_.finish(); }

  // One commit has been under way for longer than any disk should take.
  [[nodiscard]] bool stuck(Instant now) const;

 private:
  // Runs `read` on the read thread, and `done` with its result on the io thread.
  template <class Read, class Done>
  void read(Read read, Done done);

  boost::asio::io_context& io_;
  log::Log& log_;
  log::CommitLimits limits_;
  Committed committed_;
  boost::asio::thread_pool readers_{1};
  log::Committer committer_;  // last: its thread uses the rest
};

}  // namespace runnel::runtime
