// Follows a peer hub, the origin: takes its topics as they stand in its log, the same partitions and
// offsets to the byte, and what groups have committed of them. Each fetch says how far this hub has come on
// disk, which is what the origin's acknowledgements may wait for (core/replicas.h).
//
// Promises:
//   1. What is here is a prefix of what is there: every record, marker and hole, in order. Behind
//      what this hub's own retention has taken, nothing is missing but what the origin itself had lost
//      or removed before it came here, which is counted.
//   2. What the origin is told to be here is on this hub's disk.
//   3. No group is told here to stand behind what is here.
//
// Threads: one, the link's; reads ends from the log.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bridge/copy.h"
#include "bridge/hub_connection.h"
#include "bridge/link_spec.h"
#include "bridge/uplink.h"
#include "hub/core/replicas.h"
#include "hub/kafka/messages/fetch.h"
#include "storage/log/log.h"

namespace runnel::bridge {

class Mirror {
 public:
  // Has it stored; false: the link is to stop.
  using Deliver = std::function<bool(const std::shared_ptr<Copy>&)>;

  // All outlive this. `self`: what others call this hub.
  Mirror(
      const LinkSpec& spec,
      const log::Log& log,
      std::string self,
      Deliver deliver,
      HubConnection::Stop stop,
      Tally& tally
  );

  // Reaches the origin within `patience`, and learns what there is.
  std::optional<Failure> begin(std::chrono::milliseconds patience);

  enum class Did : std::uint8_t { nothing, stored, stopped };

  // Asks once, waits there for up to `wait`, and has stored what came, about `bytes_max`.
  Answer<Did> step(std::size_t bytes_max, std::chrono::milliseconds wait);

  // Looks for topics and partitions that are new there, and how they are configured.
  std::optional<Failure> refresh();

  [[nodiscard]] const std::string& origin() const { return origin_; }
  [[nodiscard]] const std::vector<std::string>& troubles() const { return troubles_; }
  [[nodiscard]] Uplink::Lag lag() const;
  [[nodiscard]] std::uint64_t wire_bytes() const { return connection_.wire_bytes(); }

 private:
  struct Followed {
    PartitionId id{};  // here
    kafka::Uuid topic;  // there
    Offset next{};
    Offset end{};  // there, as it was last told
    std::optional<Offset> leap;  // to where it has been asked from, without having come so far
  };

  // By topic and partition.
  using Key = std::pair<std::string, std::int32_t>;

  std::optional<Failure> ask_config(std::vector<Copy::Topic>& topics);
  // `starts`: what is to be trimmed once `copy` is stored.
  void take(
      const kafka::FetchResponse::Partition& got, const Key& key, Followed& at, Copy& copy, Copy& starts
  );
  void out_of_range(const kafka::FetchResponse::Partition& got, const Key& key, Followed& at);
  // Of what came, `end` being its end there, what is not ahead of what is here; and how far that is.
  Offset take_offsets(ByteView batches, Offset end, Copy& copy) const;
  [[nodiscard]] bool is_ahead(const core::OffsetKey& key, std::int64_t offset) const;
  void trouble(std::string what);
  void look_at(const std::map<Key, Followed>& moved, const Copy& copy);

  const LinkSpec& spec_;
  const log::Log& log_;
  std::string self_;
  Deliver deliver_;
  Tally& tally_;
  HubConnection connection_;
  std::string origin_;
  std::map<Key, Followed> followed_;
  std::set<Key> seen_;  // that were ever followed
  Key last_;            // where the last fetch began
  Offset offsets_next_{};  // of what groups have committed
  std::optional<Offset> told_before_;  // what stands in front of this was told to anybody
  bool leave_offsets_ = false;         // some are ahead of records: these first
  std::vector<std::string> troubles_;
};

}  // namespace runnel::bridge
