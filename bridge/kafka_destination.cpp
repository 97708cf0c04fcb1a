#include "bridge/kafka_destination.h"

#include <utility>

namespace runnel::bridge {

namespace {

kafka_client::TransactionalProducer::Options options_of(
    const LinkSpec& spec,
    std::string id,
    bool transactions,
    std::size_t batch_bytes_max,
    std::function<bool()> stop,
    std::function<void(const Failure&)> heard
) {
  kafka_client::TransactionalProducer::Options options;
  options.id = std::move(id);
  options.transactions = transactions;
  options.batch_bytes_max = batch_bytes_max;
  options.compression = spec.compression;
  options.connect_max = spec.connect_max;
  options.silence_max = spec.silence_max;
  options.stop = std::move(stop);
  options.heard = std::move(heard);
  return options;
}

}  // namespace

KafkaDestination::KafkaDestination(
    const LinkSpec& spec,
    std::string id,
    bool transactions,
    std::size_t batch_bytes_max,
    std::function<bool()> stop,
    std::function<void(const Failure&)> heard
)
    : producer_(
          spec.door, options_of(
              spec, std::move(id), transactions, batch_bytes_max, std::move(stop), std::move(heard)
          )
      ),
      transactions_(transactions) {}

Answer<std::vector<CommittedAt>> KafkaDestination::committed(const std::string& group) {
  return producer_.committed(group);
}

Answer<std::map<std::string, std::size_t>> KafkaDestination::topics() {
  const auto topics = producer_.topics();
  if (!topics) return topics.error();
  std::map<std::string, std::size_t> out;
  for (const kafka_client::Topic& topic : *topics) out[topic.name] = topic.partitions.size();
  return out;
}

std::optional<Failure> KafkaDestination::create(const std::string& topic, std::int32_t partitions) {
  return producer_.create(topic, partitions);
}

std::optional<Failure> KafkaDestination::send(
    const std::string& topic, std::int32_t partition, const Outgoing& record
) {
  return producer_.send(topic, partition, record);
}

std::optional<Failure> KafkaDestination::commit(
    const std::string& group, const std::vector<CommittedAt>& positions
) {
  return producer_.commit(group, positions);
}

}  // namespace runnel::bridge
