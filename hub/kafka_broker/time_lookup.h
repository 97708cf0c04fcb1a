// ListOffsets requests: ends of partitions at once, times when the log has been read. Threads: one,
// the io thread.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/kafka/messages/list_offsets.h"
#include "hub/kafka_broker/call.h"
#include "hub/kafka_broker/partition_reader.h"

namespace runnel::kafka {

class Broker;

class TimeLookups {
 public:
  TimeLookups(Broker& broker, PartitionReader& reader) : broker_(broker), reader_(reader) {}

  void handle(const Call& call, const ListOffsetsRequest& request, core::Turn& turn);

 private:
  using Answer = ListOffsetsResponse::Partition;

  struct Pending {
    Call call;
    std::vector<std::string> topics;
    ListOffsetsResponse response;
    std::size_t left = 0;  // times that are being looked for
  };

  // True when the answer is complete.
  bool look_up(
      const std::shared_ptr<Pending>& pending,
      std::string_view topic,
      const ListOffsetsRequest::Partition& asked,
      bool committed,  // read_committed
      Answer& out
  );
  void finish(const Pending& pending);

  Broker& broker_;
  PartitionReader& reader_;
};

}  // namespace runnel::kafka
