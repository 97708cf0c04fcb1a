// Reads batches for those who fetch over Kafka: asks the read thread, and gives the answer in a turn.
// Threads: the io thread.
#pragma once

#include <functional>

#include "hub/kafka_broker/partition_reader.h"
#include "hub/net/hub.h"

namespace runnel::net {

class FetchReader final : public kafka::PartitionReader {
 public:
  // Both outlive this.
  FetchReader(Hub& hub, runtime::LogClient& client) : hub_(hub), client_(client) {}

  void read(
      PartitionId partition,
      Offset offset,
      std::size_t bytes_max,
      log::Isolation isolation,
      Done done
  ) override {
    client_.fetch(
        partition, offset, bytes_max, isolation, in_a_turn<log::Fetched>(std::move(done))
    );
  }

  void find_time(PartitionId partition, std::int64_t at_least_ms, Found done) override {
    client_.find_time(partition, at_least_ms, in_a_turn<log::TimedOffset>(std::move(done)));
  }

  void producers(PartitionId partition, Listed done) override {
    client_.producers(partition, in_a_turn<log::Log::KnownProducers>(std::move(done)));
  }

  void disk_use(Measured done) override {
    client_.disk_use(in_a_turn<log::Log::DiskUse>(std::move(done)));
  }

 private:
  template <class T, class F>
  std::function<void(Result<T>)> in_a_turn(F done) {
    return [this, done = std::move(done)](Result<T> answer) {
      hub_.turn([&](core::Turn& t) { done(std::move(answer), t); });
    };
  }

  Hub& hub_;
  runtime::LogClient& client_;
};

}  // namespace runnel::net
