// Requests about offsets: where a partition begins and ends, and where a time is in it.
#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"
#include "hub/kafka_broker/time_lookup.h"

namespace runnel::kafka {

void handle(const Context& c, const ListOffsetsRequest& request) {
  c.broker.time_lookups().handle(c.call, request, c.turn);
}

// There is one epoch, and it ends where the partition ends.
void handle(const Context& c, const OffsetForLeaderEpochRequest& request) {
  OffsetForLeaderEpochResponse response;
  for (const auto& topic : request.topics) {
    ByTopic<OffsetForLeaderEpochResponse::Partition> answered{topic.name, {}};
    for (const auto& asked : topic.partitions) {
      OffsetForLeaderEpochResponse::Partition out;
      out.index = asked.index;
      const PartitionId* id = c.broker.partition(topic.name, asked.index);
      if (id == nullptr) {
        out.error_code = ErrorCode::unknown_topic_or_partition;
      } else if (asked.current_leader_epoch > kLeaderEpoch) {
        out.error_code = ErrorCode::unknown_leader_epoch;
      } else if (asked.leader_epoch <= kLeaderEpoch) {
        out.leader_epoch = kLeaderEpoch;
        out.end_offset = c.broker.log().range(*id).high_watermark.value;
      }
      answered.partitions.push_back(out);
    }
    response.topics.push_back(std::move(answered));
  }
  c.broker.answer(c.call, response);
}

}  // namespace runnel::kafka
