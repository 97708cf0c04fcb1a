#include "hub/runtime/log_client.h"

#include <boost/asio/post.hpp>

namespace runnel::runtime {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds kCommitMax{60};

}  // namespace

LogClient::LogClient(asio::io_context& io, log::Log& log, log::CommitLimits limits)
    : io_(io),
      log_(log),
      limits_(limits),
      committer_(log, limits, [this](std::unique_ptr<log::Group> group) {
        asio::post(io_, [this, group = std::move(group)]() mutable {
          committed_(*group);
          committer_.recycle(std::move(group));
        });
      }) {}

void LogClient::start(Committed committed) {
  committed_ = std::move(committed);
  committer_.start();
}

void LogClient::set_limits(log::CommitLimits limits) {
  limits_ = limits;
  committer_.set_limits(limits);
}

template <class Read, class Done>
void LogClient::read(Read read, Done done) {
  asio::post(readers_, [this, read = std::move(read), done = std::move(done)]() mutable {
    auto result = read();
    asio::post(io_, [result = std::move(result), done = std::move(done)]() mutable {
      done(std::move(result));
    });
  });
}

void LogClient::read_block(Position position, std::function<void(Result<log::BlockPtr>)> done) {
  read([this, position] { return log_.read_block(position); }, std::move(done));
}

void LogClient::fetch(
    PartitionId partition,
    Offset offset,
    std::size_t bytes_max,
    log::Isolation isolation,
    std::function<void(Result<log::Fetched>)> done
) {
  read(
      [this, partition, offset, bytes_max, isolation] {
        return log_.fetch(partition, offset, bytes_max, isolation);
      },
      std::move(done)
  );
}

void LogClient::find_time(
    PartitionId partition,
    std::int64_t at_least_ms,
    std::function<void(Result<log::TimedOffset>)> done
) {
  read(
      [this, partition, at_least_ms] { return log_.find_time(partition, at_least_ms); },
      std::move(done)
  );
}

void LogClient::producers(
    PartitionId partition, std::function<void(Result<log::Log::KnownProducers>)> done
) {
  read([this, partition] { return log_.producers(partition); }, std::move(done));
}

void LogClient::disk_use(std::function<void(Result<log::Log::DiskUse>)> done) {
  read([this] { return log_.disk_use(); }, std::move(done));
}

void LogClient::find_position(
    std::optional<PartitionId> partition,
    Offset offset,
    std::int64_t at_least_ms,
    std::function<void(Result<Position>)> done
) {
  read(
      [this, partition, offset, at_least_ms] {
        return partition ? log_.position_of(*partition, offset) : log_.position_at(at_least_ms);
      },
      std::move(done)
  );
}

bool LogClient::stuck(Instant now) const {
  const auto since = committer_.committing_since();
  return since && now - *since > kCommitMax;
}

void LogClient::stop() {
  committer_.stop();
  readers_.join();
}

}  // namespace runnel::runtime
