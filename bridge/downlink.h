// Takes topics of a Kafka cluster or a peer hub into this hub's log, each record once: how far the
// other side has been read is committed with the records (promise P4), so that no crash can part them.
//
// Only committed records are taken. What this hub has had already is left out, by its origin headers.
//
// Threads: one, the link's.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "bridge/link_spec.h"
#include "bridge/parcel.h"
#include "bridge/provenance.h"
#include "bridge/uplink.h"
#include "hub/kafka_client/consumer.h"
#include "hub/kafka_client/sockets.h"

namespace runnel::bridge {

class Downlink {
 public:
  // Gives a parcel to the log; false: the link is to stop.
  using Deliver = std::function<bool(Parcel&)>;

  // All outlive this. `self` is this hub; larger records than `record_bytes_max` cannot be stored here.
  Downlink(
      const LinkSpec& spec,
      std::string self,
      std::size_t record_bytes_max,
      Deliver deliver,
      Tally& tally
  );

  ~Downlink();

  // Reaches the other side within `patience`, and begins to read behind `positions`.
  std::optional<Failure> begin(const Positions& positions, std::chrono::milliseconds patience);

  enum class Did : std::uint8_t { nothing, stored, stopped };

  // Takes what comes within `wait`, up to about `bytes_max`, and has it stored.
  Answer<Did> step(std::size_t bytes_max, std::chrono::milliseconds wait);

  // Looks for topics that are new there.
  std::optional<Failure> refresh();

  [[nodiscard]] const Positions& positions() const { return positions_; }
  [[nodiscard]] const std::string& cluster_id() const { return there_; }
  // As far as the other side has said how much it has.
  [[nodiscard]] Uplink::Lag lag();
  [[nodiscard]] std::uint64_t wire_bytes() const { return sockets_.wire_bytes(); }
  bool answers(std::chrono::milliseconds timeout) { return consumer_.answers(timeout); }
  // What was wrong with the connection last; taken.
  std::optional<std::string> trouble() { return std::exchange(trouble_, std::nullopt); }

 private:
  std::optional<Failure> find_topics();
  std::optional<Failure> assign();
  void take(kafka_client::Record& record, Parcel& parcel);
  std::optional<Failure> outside(std::int32_t partition, const std::string& topic);

  const LinkSpec& spec_;
  std::string self_;
  std::size_t record_bytes_max_;
  Deliver deliver_;
  Tally& tally_;
  kafka_client::Sockets sockets_;  // before the consumer, which uses it to its end
  kafka_client::Consumer consumer_;
  std::string there_;
  std::optional<Provenance> provenance_;
  std::map<std::string, std::size_t> topics_;  // there, that the link reads, with their partitions
  Positions positions_;
  std::optional<std::string> trouble_;
};

}  // namespace runnel::bridge
