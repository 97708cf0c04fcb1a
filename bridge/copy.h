// What a mirror has taken from its origin and wants stored here, in one commit: topics to be there,
// batches at their offsets, what groups have committed. And what became of the topics. A value, shared by
// the link that waits and the io thread that stores it: whoever does not wait leaves it alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hub/core/groups/offset_row.h"
#include "storage/base/bytes.h"
#include "storage/base/types.h"

namespace runnel::bridge {

struct Copy {
  // A topic of the origin.
  struct Topic {
    std::string name;
    Bytes id;  // in its log; a topic that is made anew has another
    std::size_t partitions = 0;
    std::map<std::string, std::string> config;  // what is set, by Kafka's names
  };

  struct Piece {
    PartitionId partition{};
    std::optional<Offset> leap;    // it goes on there: what is in front the origin has not
    std::vector<Bytes> batches;
    std::optional<Offset> start;   // it begins there, and has that already
    std::vector<std::size_t> places{};  // of the batches, in the outcome of the group
  };

  struct Committed {
    core::OffsetKey key;
    std::optional<core::CommittedOffset> value;  // nullopt: it is no more
    bool news = true;  // otherwise told again, as to anybody who comes: it may be older than what is here
  };

  std::string origin;  // its cluster id
  std::vector<Topic> topics;
  std::vector<Piece> pieces;
  std::vector<Committed> committed;

  // The answer: partitions here of the topics that are mirrored, and why others are not.
  std::map<std::string, std::vector<PartitionId>> mirrored;
  std::map<std::string, std::string> refused;
  // Partitions in which something stands that is not their origin's.
  std::set<PartitionId> diverged;
};

}  // namespace runnel::bridge
