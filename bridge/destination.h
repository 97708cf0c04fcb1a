// What a link sends to, as the link sees it: one transaction after the other, and a memory of how far
// they have come. A Kafka cluster is one (kafka_destination.h), a test's is another.
//
// After a failure of anything but send() nothing is known of the open transaction, and only a new
// destination's begin_life() and committed() tell.
//
// Threads: one, the link's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hub/kafka_client/transactional_producer.h"

namespace runnel::bridge {

using kafka_client::Answer;
using kafka_client::CommittedAt;
using kafka_client::Failure;

class Destination {
 public:
  using Outgoing = kafka_client::TransactionalProducer::Outgoing;

  virtual ~Destination() = default;

  virtual std::optional<Failure> begin_life() = 0;
  virtual std::string cluster_id() = 0;
  // Whether committed() knows what commit() said. Without it the link must remember, and may send
  // again what it sent last.
  [[nodiscard]] virtual bool keeps_positions() const = 0;
  virtual Answer<std::vector<CommittedAt>> committed(const std::string& group) = 0;
  // How many partitions each topic has.
  virtual Answer<std::map<std::string, std::size_t>> topics() = 0;
  virtual std::optional<Failure> create(const std::string& topic, std::int32_t partitions) = 0;

  virtual std::optional<Failure> begin() = 0;
  virtual std::optional<Failure> send(
      const std::string& topic, std::int32_t partition, const Outgoing& record
  ) = 0;
  // Failure::Kind::record_refused: the destination will never take one of these records.
  virtual std::optional<Failure> commit(
      const std::string& group, const std::vector<CommittedAt>& positions
  ) = 0;
};

}  // namespace runnel::bridge
