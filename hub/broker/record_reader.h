// Reads records of the log as MQTT messages: which MQTT topic, and the rest (message.h).
//
// The MQTT topic is the record's own (named_topic) when it may be delivered under that, else what the routes say read backwards (hub/core/reverse_routes.h).
//
// Threads: one, the io thread.
#pragma once

#include "hub/broker/message.h"
#include "hub/core/routes.h"
#include "storage/log/block.h"

namespace runnel::broker {

class RecordReader {
 public:
  // `routes` outlives this, or is followed by others.
  explicit RecordReader(const core::Routes* routes) : routes_(routes) {}

  void routes_changed(const core::Routes* routes) { routes_ = routes; }

  // The MQTT topic alone, for matching before anything else is decoded. Empty: the record has none.
  // The view lives until the next call, and as long as the record and the routes.
  [[nodiscard]] std::string_view topic_of(const log::RecordView& record, PartitionId partition);

  // The whole of a record whose MQTT topic topic_of() has just told.
  void read(const log::RecordView& record, std::string_view topic, Message& message);

  // nullptr: no topic has this partition.
  [[nodiscard]] const core::ReverseRoutes::Place* place_of(PartitionId partition) const {
    return routes_->reverse().place_of(partition);
  }

  [[nodiscard]] std::optional<PartitionId> partition_of(std::string_view topic, std::uint32_t n)
      const {
    return routes_->reverse().partition_of(topic, n);
  }

  // Headers of the records read so far that MQTT cannot carry.
  [[nodiscard]] std::uint64_t headers_left_out() const { return headers_left_out_; }

 private:
  const core::Routes* routes_;
  std::string scratch_;
  std::uint64_t headers_left_out_ = 0;
};

}  // namespace runnel::broker
