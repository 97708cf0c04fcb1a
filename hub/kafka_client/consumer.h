// Reads records: of partitions that it is told, or as a member of a consumer group.
//
// Promises: records of one partition come in order; within a group nothing is committed that was
// not handed to done().
//
// Threads: as Client.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "hub/kafka_client/client.h"

namespace runnel::kafka_client {

// All that there is of a partition has been read; more may come. `next` is the offset after it.
struct End {
  std::int32_t partition = 0;
  std::int64_t next = 0;
  std::string topic;
};

// The partition does not have the offset that was to be read; it stays unread until assign().
struct Outside {
  std::int32_t partition = 0;
  std::string topic;
};

// A connection broke or could not be made. The library goes on trying; whether a broker is there
// nevertheless, answers() tells.
struct Lost {
  std::string why;
};

using Event = std::variant<std::monostate, Record, End, Outside, Lost, Failure>;

class Consumer final : public Client {
 public:
  struct Options {
    std::string group;             // empty: none
    bool begin_at_latest = false;  // in a group, where nothing is committed
    bool read_committed = true;
    bool wait_for_more = true;  // false: answers come back at once, for somebody who wants the end
    std::size_t queue_kib = 16384;  // what waits in memory to be polled
    std::chrono::milliseconds connect_max{5000};
    Sockets* sockets = nullptr;  // outlives the consumer; null: the library's own
  };

  Consumer(const Door& door, const Options& options);
  ~Consumer() override;

  // These partitions and no others, each from its offset on.
  std::optional<Failure> assign(const std::vector<At>& from);

  // Whatever the group gives us of this topic.
  std::optional<Failure> subscribe(const std::string& topic);

  // Partitions that the group has given us.
  Answer<std::vector<At>> assignment();

  // What is next; std::monostate when nothing came in `wait`.
  Event poll(std::chrono::milliseconds wait);

  // Where a partition ends, as far as what was read has told.
  std::optional<std::int64_t> known_end(const std::string& topic, std::int32_t partition);

  // For a group: what is before `next` has been dealt with and need not come again.
  void done(const At& next);

  // Leaves the group after a last commit. Nothing may be called after it.
  std::optional<Failure> close();

 private:
  bool grouped_ = false;
  bool closed_ = false;
};

}  // namespace runnel::kafka_client
