// Who else has records of this hub on disk, and who waits for that. Mirrors (bridge/mirror.h) say with
// every fetch how far they have come; a topic may ask that acknowledgements wait until that many hubs
// have the record on disk, this one counted (min_replicas).
//
// A mirror is in step with a partition if, within the last `patience`, it had all that there was (Kafka's
// replica.lag.time.max.ms). Where too few are in step, a topic says what happens:
//   refuse  nothing more is taken, and who waits already is told after `patience`
//   go_on   this hub's disk is enough, which is said in the log and the metrics
//
// Promises, each with a test in tests/unit/core/replicas_test.cpp:
//   1. A wait ends with true only if enough mirrors have all of its places, or the topic goes on alone.
//   2. Every wait ends within `patience` of its beginning.
//   3. Waits of one lane end in the order in which they began.
//
// Also: which partitions here are a mirror's, and take no records but those of their origin.
//
// Threads: one, the io thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "hub/core/turn.h"
#include "storage/base/types.h"

namespace runnel::core {

// Stands for what groups have committed, which mirrors follow as if it were a partition.
constexpr PartitionId kGroupOffsets{std::numeric_limits<std::uint32_t>::max() - 1};

struct ReplicaNeed {
  std::string topic;
  std::uint32_t replicas = 1;  // hubs, this one counted
  bool refuse = true;          // when too few are in step; otherwise it goes on

  bool operator==(const ReplicaNeed&) const = default;
};

using ReplicaNeeds = std::unordered_map<PartitionId, ReplicaNeed>;

class Replicas {
 public:
  // Partitions that need none but this hub are left out.
  void configure(ReplicaNeeds needs, std::chrono::milliseconds patience);

  // Partitions that are a mirror's.
  void set_mirrored(std::unordered_set<PartitionId> partitions) { mirrored_ = std::move(partitions); }
  [[nodiscard]] bool mirrored(PartitionId partition) const { return mirrored_.contains(partition); }

  // Whether a record may be put into the partition whose acknowledgement waits for mirrors, if it asks
  // for them.
  enum class Taking : std::uint8_t { yes, mirrored, too_few };
  [[nodiscard]] Taking taking(PartitionId partition, Instant now) const;

  // Whether acknowledgements wait for mirrors of this partition.
  [[nodiscard]] bool waits(PartitionId partition) const { return needs_.contains(partition); }

  // They do, but too few mirrors are in step, and the topic goes on without them.
  [[nodiscard]] bool goes_on_alone(PartitionId partition, Instant now) const;

  // Those partitions.
  [[nodiscard]] std::vector<PartitionId> waited_for() const;

  // A mirror has all of the partition in front of `offset` on disk; it ends at `end` now. One that says it
  // has more than there is has something else.
  void has(std::string_view mirror, PartitionId partition, Offset offset, Offset end, Instant now);

  // All in front of `end`.
  struct Place {
    PartitionId partition{};
    Offset end{};
  };

  using Then = std::function<void(bool replicated, Turn& turn)>;

  // Calls `then`, in a run(), when it is known whether the mirrors have these places. Lane 0 keeps no
  // order.
  void when(std::uint64_t lane, std::vector<Place> places, Instant now, Then then);
  // Something of this lane waits.
  [[nodiscard]] bool waiting(std::uint64_t lane) const { return lanes_.contains(lane); }

  // Ends the waits that can be ended. At the end of a turn, cheap when nothing has changed.
  void run(Turn& turn);
  // Looks at what time brings: about four times a second, and after deadline().
  void tick(Turn& turn);
  [[nodiscard]] std::optional<Instant> deadline() const { return deadline_; }

  struct Mirror {
    std::string name;
    std::size_t partitions = 0;
    std::size_t in_step = 0;      // of these
    std::uint64_t lag_records = 0;
    double silent_s = 0;
  };

  [[nodiscard]] std::vector<Mirror> mirrors(Instant now) const;
  // Topics of which some partition has too few mirrors in step; as of the last tick().
  [[nodiscard]] const std::set<std::string>& short_of() const { return short_of_; }
  // Topics that ask for mirrors.
  [[nodiscard]] std::set<std::string> topics() const;
  [[nodiscard]] std::size_t open_waits() const { return waits_; }

 private:
  // How far a mirror has come with a partition.
  struct Progress {
    Offset at{};
    Offset end{};  // of the partition when the mirror last asked
    Instant asked{};
    std::optional<Instant> in_step;  // when it last had everything
  };

  struct Known {
    std::unordered_map<PartitionId, Progress> partitions;
    Instant asked{};
  };

  struct Wait {
    std::vector<Place> places;
    Instant until;
    Then then;
  };

  [[nodiscard]] bool in_step(const Progress& progress, Instant now) const;
  [[nodiscard]] bool enough_in_step(PartitionId partition, const ReplicaNeed& need, Instant now) const;
  [[nodiscard]] bool have(const Place& place, const ReplicaNeed& need) const;
  // What came of a wait; nullopt: nothing yet.
  [[nodiscard]] std::optional<bool> outcome(const Wait& wait, Instant now) const;
  void note_short(Instant now);
  using Lanes = std::map<std::uint64_t, std::deque<Wait>>;
  using Ended = std::vector<std::pair<Then, bool>>;
  Lanes::iterator end_some(Lanes::iterator lane, Instant now, Ended& ended);

  ReplicaNeeds needs_;
  std::unordered_set<PartitionId> mirrored_;
  std::chrono::milliseconds patience_{10'000};
  std::map<std::string, Known, std::less<>> mirrors_;
  Lanes lanes_;
  std::uint64_t last_unordered_ = 0;
  std::size_t waits_ = 0;
  bool changed_ = false;             // anything may have come to an end
  std::vector<std::uint64_t> fresh_; // lanes that somebody waits in since the last run
  std::optional<Instant> deadline_;
  std::set<std::string> short_of_;
};

}  // namespace runnel::core
