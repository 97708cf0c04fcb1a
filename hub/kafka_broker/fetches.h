// Fetch requests, from their arrival to their answer. One that finds too little waits, without a
// timer of its own, until commits have brought enough to its partitions or its time is over
// (KIP-74: at least one batch is returned, however small the limits; batches are never cut). One that
// reads committed records alone ends at the last stable offset, and is told which transactions were
// aborted (KIP-98). A connection has one at a time: see Connection. Before it reads it asks Memory, and
// gets by with less than it wants.
//
// Threads: one, the io thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "hub/kafka/messages/fetch.h"
#include "hub/kafka_broker/call.h"
#include "hub/kafka_broker/partition_reader.h"

namespace runnel::kafka {

class Broker;

class Fetches {
 public:
  Fetches(Broker& broker, PartitionReader& reader) : broker_(broker), reader_(reader) {}

  void handle(const Call& call, const FetchRequest& request, core::Turn& turn);

  // Groups have committed offsets: wakes the mirrors that follow these.
  void offsets_changed(core::Turn& turn);

  // These partitions are no more: who fetches from them is told so, at once if he waits.
  void gone(const std::vector<PartitionId>& partitions);

  // Wakes those who wait for what the group has brought.
  void committed(const log::Group& group, core::Turn& turn);
  // Answers those whose time is over.
  void tick(core::Turn& turn);
  [[nodiscard]] std::optional<Instant> deadline() const;
  // The connection has a fetch that is not answered yet.
  [[nodiscard]] bool busy(std::uint64_t connection) const { return fetches_.contains(connection); }
  // The connection is gone.
  void forget(std::uint64_t connection);

  [[nodiscard]] std::size_t waiting() const { return deadlines_.size(); }

 private:
  struct Topic {
    std::string name;
    Uuid id;
  };

  struct Partition {
    std::size_t topic = 0;  // in Fetch::topics
    std::int32_t index = 0;
    PartitionId id{};
    Offset offset{};
    std::size_t bytes_max = 0;
    ErrorCode error = ErrorCode::none;
    log::PartitionRange range;
    Bytes batches;
    std::vector<log::Producers::Aborted> aborted;
  };

  struct Fetch;

  // One partition of a fetch that waits.
  struct Waiter {
    Fetch* fetch;
    std::size_t partition;
  };

  struct Fetch {
    Call call;
    Instant until;
    std::size_t bytes_min = 0;
    std::size_t wanted = 0;     // bytes, at most
    std::size_t bytes_max = 0;  // the same, but no more than it was granted
    std::size_t granted = 0;    // by Memory
    log::Isolation isolation{};
    std::vector<Topic> topics;
    std::vector<Partition> partitions;
    bool failed = false;       // some partition has an error: no waiting
    bool full = false;         // there is more than may be sent: no waiting either
    std::size_t next = 0;      // partition to read
    std::size_t read = 0;      // bytes in `partitions`
    std::size_t arrived = 0;   // bytes that commits have brought while it waits
    std::multimap<Instant, Fetch*>::iterator deadline;
    std::vector<std::multimap<PartitionId, Waiter>::iterator> waiters;
    bool waiting = false;

    // Where what it may read ends.
    [[nodiscard]] Offset end(const log::PartitionRange& range) const {
      const bool committed = isolation == log::Isolation::read_committed;
      return committed ? range.last_stable : range.high_watermark;
    }
  };

  void look_up(Fetch& fetch, const FetchRequest& request) const;
  // Of a partition, or of what groups have committed.
  [[nodiscard]] log::PartitionRange range(PartitionId partition) const;
  void wake(const std::set<Fetch*>& due, core::Turn& turn);
  void begin(Fetch& fetch, core::Turn& turn);
  void read_on(Fetch& fetch, core::Turn& turn);
  void got(std::uint64_t connection, Result<log::Fetched> fetched, core::Turn& turn);
  [[nodiscard]] bool ask(Fetch& fetch);
  void give_back(Fetch& fetch);
  void finish(Fetch& fetch, core::Turn& turn);
  [[nodiscard]] bool more_came(const Fetch& fetch) const;
  [[nodiscard]] bool more_came(const Fetch& fetch, const Partition& p) const;
  void wait(Fetch& fetch);
  void stop_waiting(Fetch& fetch);
  void send(Fetch& fetch);

  Broker& broker_;
  PartitionReader& reader_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Fetch>> fetches_;  // by connection
  std::multimap<Instant, Fetch*> deadlines_;  // of those who wait
  std::multimap<PartitionId, Waiter> by_partition_;  // of those who wait
};

}  // namespace runnel::kafka
