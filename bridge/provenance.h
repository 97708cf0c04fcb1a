// Where a record comes from, as its headers say, and which of them it gets before it goes on.
//
//   hub.origin, hub.partition, hub.offset   the hub, and the place in its log, where the record was first
//                      stored: set by the first link that it goes over, kept by others
//   hub.topic          its topic there, if the first link gave it another name
//   hub.via            the clusters that have it, in the order in which it came to them, once there are
//                      more than the origin
//   hub.historical     "true": it waited for its link; absent otherwise
//
// A record never goes to a cluster that is among its hub.via: so it comes to an end over any number of
// hops and cycles, and never back to where it was.
//
// Threads: pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/kafka_client/transactional_producer.h"
#include "storage/log/record_batch.h"

namespace runnel::bridge {

constexpr std::string_view kOrigin = "hub.origin";
constexpr std::string_view kOriginTopic = "hub.topic";
constexpr std::string_view kOriginPartition = "hub.partition";
constexpr std::string_view kOriginOffset = "hub.offset";
constexpr std::string_view kVia = "hub.via";
constexpr std::string_view kHistorical = "hub.historical";

// Whether `name` is in a list such as hub.via holds.
bool names(std::string_view via, std::string_view name);

// Where a record stands in the cluster that it is read from.
struct Stand {
  std::string_view topic;  // empty: it has the same name where it goes
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

// Makes the headers of one record at a time; they live until the next one.
class Provenance {
 public:
  using HeaderView = kafka_client::TransactionalProducer::HeaderView;

  // `from`: the cluster that the records are read from, by its cluster id.
  explicit Provenance(std::string from) : from_(std::move(from)) {}

  // False: the record does not go to the cluster `to`, which has it or had it; or it has come over a
  // link, and `relay` is false.
  bool take(
      const std::vector<HeaderView>& headers,
      const Stand& stand,
      bool historical,
      std::string_view to,
      bool relay
  );

  [[nodiscard]] const std::vector<HeaderView>& headers() const { return out_; }

 private:
  std::string from_;
  std::string via_;
  std::string partition_;
  std::string offset_;
  std::vector<HeaderView> out_;
};

}  // namespace runnel::bridge
