// Sends this hub's records to a destination, each once in effect: a transaction carries the records
// and the positions behind them, and whoever begins anew asks the destination where it stands (promise
// P4).
//
// Promises:
//   1. Records of one partition go in order; those with one key stay in order at the destination.
//   2. Of what may be sent, topics of a higher priority go first.
//   3. A record that the destination will never take costs itself only, and is counted.
//   4. What retention has taken before it was sent is counted, partition by partition (promise P2).
//
// A transaction holds about as many bytes as it is told; so much, and one piece of the log, is in memory,
// whatever the backlog.
//
// Threads: one, the link's; reads the log from there.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bridge/destination.h"
#include "bridge/link_spec.h"
#include "bridge/positions.h"
#include "bridge/provenance.h"
#include "storage/log/log.h"

namespace runnel::bridge {

// A topic that the link covers.
struct Source {
  std::string topic;
  std::vector<PartitionId> partitions;

  bool operator==(const Source&) const = default;
};

using Sources = std::vector<Source>;  // in the order of their names

// What the position of one of its partitions is remembered under.
SourcePartition source_partition(const Source& source, std::size_t index);

// What a link has done since the process began, over all its connections.
struct Tally {
  struct Counters {
    std::uint64_t records = 0;  // sent, and known to be there
    std::uint64_t bytes = 0;    // of their keys, values and headers
    std::uint64_t transactions = 0;
    std::uint64_t kept_back = 0;   // not sent: the destination has them, or `relay` is false
    std::uint64_t refused = 0;     // by the destination, for ever
    std::uint64_t unreadable = 0;  // damaged
    std::uint64_t gaps = 0;        // taken by retention before they were sent
  };

  // What was not sent, and why.
  struct Gap {
    SourcePartition at;
    Offset first{};
    Offset last{};
    std::string why;
  };

  static constexpr std::size_t kGapsKept = 16;

  // After a refusal: how much may go together, until it is known which record is to blame.
  static constexpr std::size_t kRecordsMax = 200'000;  // of one transaction
  static constexpr std::size_t kBatchMax = 512 << 10;
  static constexpr std::size_t kBatchMin = 16 << 10;

  std::size_t records_max = kRecordsMax;
  std::size_t batch_bytes_max = kBatchMax;
  std::set<std::pair<SourcePartition, Offset>> refused;  // that are not sent again

  Counters counters;
  std::deque<Gap> gaps;  // the last kGapsKept
  Positions counted;     // what is before was counted, if it was a gap
};

class Uplink {
 public:
  struct Lag {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;                  // about
    std::optional<std::int64_t> oldest_ms{};  // the time of the oldest unsent record
  };

  enum class Did : std::uint8_t { nothing, moved, sent };

  // All outlive this. `self` is this hub, `group` the consumer group that keeps the positions.
  Uplink(
      const LinkSpec& spec,
      const log::Log& log,
      std::string self,
      std::string group,
      Destination& destination,
      Tally& tally
  );

  // Asks the destination where it stands. `remembered`: what this hub knows itself, for a destination
  // that keeps no positions, and for partitions of which it knows none (Kafka forgets the offsets of a
  // group that has not committed for a week).
  // `sources` is asked when the destination has been reached. A partition that nobody knows was made
  // after the link and begins at its first offset, unless the link is to begin at a time.
  std::optional<Failure> begin(const std::function<Sources()>& sources, const Positions& remembered);

  // Topics or partitions came or went. A topic that cannot be sent now is named in troubles().
  std::optional<Failure> set_sources(const Sources& sources);
  [[nodiscard]] const std::vector<std::string>& troubles() const { return troubles_; }

  // One transaction, if there is anything to send. Failure::Kind::record_refused: begin anew at once;
  // less is sent together then, until the record that is to blame is alone, and left out.
  Answer<Did> step(std::size_t bytes_max);

  // Time has passed: what the log has now is of the past when it is sent after the next call.
  void age();

  // What the destination is known to have.
  [[nodiscard]] const Positions& positions() const { return positions_; }
  [[nodiscard]] Lag lag() const;

 private:
  struct Lane {
    SourcePartition source;
    PartitionId id{};
    std::size_t rank = 0;
    std::string topic;           // there
    std::size_t partitions = 0;  // there
    bool same_partition = false;
    Offset next{};               // to send, if all goes well
    Offset historical_until{};
    Offset noted_end{};
  };

  // What one step has in hand.
  struct Work {
    std::size_t bytes_max = 0;
    std::size_t bytes = 0;
    std::size_t scanned = 0;  // of the log, sent or not
    std::size_t records = 0;
    std::pair<std::size_t, Offset> first{};  // the first record that was sent: lane and offset
    std::uint64_t payload = 0;
    bool open = false;  // a transaction
    std::set<std::size_t> moved;
    std::optional<Failure> failure;
  };

  [[nodiscard]] bool full(const Work& work) const;
  void take_ranks(Work& work);
  bool take_piece(std::size_t lane, Work& work);
  bool take_record(std::size_t index, const log::RecordView& record, Work& work);
  void skip_gap(Lane& lane, Offset start);
  void note(const Lane& lane, Offset first, Offset last, std::string why);
  Answer<Did> finish(Work& work);
  void refused(const Work& work, const Failure& why);
  void accept(const Work& work);
  std::vector<CommittedAt> commits(const Work& work) const;
  [[nodiscard]] Place place_of(const Lane& lane) const;
  std::optional<Failure> add_lanes(const Source& source, std::map<std::string, std::size_t>& known);
  [[nodiscard]] Offset start_of(const SourcePartition& source, PartitionId id) const;
  std::optional<Failure> check_texts() const;

  const LinkSpec& spec_;
  const log::Log& log_;
  std::string self_;
  std::string group_;
  Destination& destination_;
  Tally& tally_;
  std::string there_;  // the destination's id
  Provenance provenance_;
  std::vector<kafka_client::TransactionalProducer::HeaderView> headers_;  // of the record in hand
  Positions positions_;
  std::set<SourcePartition> unsaid_;  // of positions_, what the destination has not been told
  std::vector<Lane> lanes_;  // by rank, then by name
  std::size_t turn_ = 0;
  std::vector<std::string> troubles_;
};

}  // namespace runnel::bridge
