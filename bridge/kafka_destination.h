// A Kafka cluster, or a peer hub, as the destination of a link.
//
// Threads: as Destination, but for wire_bytes(), which any thread may call.
#pragma once

#include <functional>
#include <string>

#include "bridge/destination.h"
#include "bridge/link_spec.h"

namespace runnel::bridge {

class KafkaDestination final : public Destination {
 public:
  // `id`: the transactional id. `stop` is asked, and `heard` told of troubles, while something takes
  // long.
  KafkaDestination(
      const LinkSpec& spec,
      std::string id,
      bool transactions,
      std::size_t batch_bytes_max,
      std::function<bool()> stop,
      std::function<void(const Failure&)> heard
  );

  std::optional<Failure> begin_life() override { return producer_.begin_life(); }
  std::string cluster_id() override { return producer_.cluster_id(); }
  [[nodiscard]] bool keeps_positions() const override { return transactions_; }
  Answer<std::vector<CommittedAt>> committed(const std::string& group) override;
  Answer<std::map<std::string, std::size_t>> topics() override;
  std::optional<Failure> create(const std::string& topic, std::int32_t partitions) override;
  std::optional<Failure> begin() override { return producer_.begin(); }
  std::optional<Failure> send(
      const std::string& topic, std::int32_t partition, const Outgoing& record
  ) override;
  std::optional<Failure> commit(
      const std::string& group, const std::vector<CommittedAt>& positions
  ) override;

  // What has gone wrong with connections since it was asked last.
  std::optional<Failure> trouble() { return producer_.trouble(); }
  // Whether somebody is there.
  bool answers(std::chrono::milliseconds timeout) { return producer_.answers(timeout); }
  [[nodiscard]] std::uint64_t wire_bytes() const { return producer_.wire_bytes(); }

 private:
  kafka_client::TransactionalProducer producer_;
  bool transactions_;
};

}  // namespace runnel::bridge
