// Produce requests, from their arrival to the commit that answers them.
//
// Promise P1: with acks=1 and acks=all the answer leaves after the commit that holds the batches; with
// acks=0 there is none. With acks=all it also waits for the mirrors that the topic asks for.
//
// Threads: one, the io thread.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/core/turn.h"
#include "hub/kafka/messages/produce.h"
#include "hub/kafka_broker/call.h"
#include "storage/log/batch_head.h"

namespace runnel::kafka {

class Broker;

class Produces {
 public:
  explicit Produces(Broker& broker) : broker_(broker) {}

  void handle(const Call& call, const ProduceRequest& request, core::Turn& turn);

  // Answers the requests whose batches the group held.
  void committed(const log::Group& group, core::Turn& turn);

 private:
  // What became of one partition's batch so far.
  struct Part {
    std::size_t topic = 0;  // in Waiting::topics
    std::int32_t index = 0;
    PartitionId id{};
    ErrorCode error = ErrorCode::none;
    std::string message;
    std::vector<std::int32_t> records;  // which of the batch are to blame
    std::size_t place = 0;     // in the group's outcome, when there is no error yet
    Offset base{-1};
    std::int64_t append_time_ms = -1;
  };

  struct Waiting {
    Call call;
    bool answered = true;     // acks is not 0
    bool replicated = false;  // acks is all: mirrors are waited for
    std::vector<std::string> topics;
    std::vector<Part> parts;
  };

  // Checks the batch of one partition, and puts it into the group unless it is refused.
  void take(
      Part& part,
      std::string_view topic,
      const NullableBlob& records,
      const ProduceRequest& request,
      core::Turn& turn
  );
  // Why nobody may write to the partition now; empty: one may. `waits`: for mirrors.
  [[nodiscard]] std::string_view refusal(PartitionId partition, bool waits, Instant now) const;
  // Of a transactional batch.
  [[nodiscard]] ErrorCode may_write(
      const log::BatchFacts& batch, const NullableText& transactional_id, PartitionId partition
  ) const;
  void settle(Waiting waiting, core::Turn& turn);
  void send(const Waiting& waiting);

  Broker& broker_;
  Bytes scratch_;  // a batch in hand
  std::unordered_map<const log::Group*, std::vector<Waiting>> waiting_;
};

}  // namespace runnel::kafka
