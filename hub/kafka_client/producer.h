// Writes records. Each is acknowledged when all that the cluster asks of itself has it, and is
// written once however often it had to be sent (acks=all, idempotent); records of one partition
// keep their order.
//
// Threads: as Client.
#pragma once

#include <string>
#include <vector>

#include "hub/kafka_client/client.h"

namespace runnel::kafka_client {

class Producer final : public Client {
 public:
  explicit Producer(const Door& door);
  ~Producer() override;

  struct Refused {
    std::uint64_t number = 0;
    Failure why;
  };

  // Sends a record, sooner or later; waits while too much is on its way. Its offset and kind of
  // time are the cluster's. `partition`: -1 lets the key decide as Kafka's own clients do, and
  // without a key spreads. `time_ms` unset: now. `number` comes back if the record is refused.
  // A failure means that the record cannot be sent as it is.
  std::optional<Failure> send(
      const Record& record,
      std::int32_t partition,
      std::optional<std::int64_t> time_ms,
      std::uint64_t number
  );

  // Hears what has become of records, for at most `wait`.
  void hear(std::chrono::milliseconds wait);

  // Waits until nothing is on its way any more. Whatever the cluster does not acknowledge in
  // kPatience is among refused().
  void settle();

  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

  // In the order in which it was heard.
  [[nodiscard]] const std::vector<Refused>& refused() const { return refused_; }

 private:
  std::uint64_t acknowledged_ = 0;
  std::vector<Refused> refused_;
};

}  // namespace runnel::kafka_client
