#include "hub/broker/record_reader.h"

namespace runnel::broker {

std::string_view RecordReader::topic_of(const log::RecordView& record, PartitionId partition) {
  if (const auto named = named_topic(record)) return *named;
  return routes_->reverse().mqtt_topic(partition, record.key, scratch_);
}

void RecordReader::read(const log::RecordView& record, std::string_view topic, Message& message) {
  headers_left_out_ += to_message(record, topic, message);
}

}  // namespace runnel::broker
