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

void LogClient::read_block(Position position, std::function<void(Result<log::BlockPtr>)> done) {
  asio::post(readers_, [this, position, done = std::move(done)]() mutable {
    Result<log::BlockPtr> block = log_.read_block(position);
    asio::post(io_, [block = std::move(block), done = std::move(done)]() mutable {
      done(std::move(block));
    });
  });
}

void LogClient::fetch(
    PartitionId partition,
    Offset offset,
    std::size_t bytes_max,
    std::function<void(Result<log::Fetched>)> done
) {
  asio::post(readers_, [this, partition, offset, bytes_max, done = std::move(done)]() mutable {
    Result<log::Fetched> fetched = log_.fetch(partition, offset, bytes_max);
    asio::post(io_, [fetched = std::move(fetched), done = std::move(done)]() mutable {
      done(std::move(fetched));
    });
  });
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
