// The topics that a consumer's metadata names: the one part of what members say to each other that
// the hub looks at, as Kafka does, to know which offsets a group still needs. All versions of the
// consumer protocol begin alike: int16 version, then an array of topic names.
//
// Total: bytes that are something else give nullopt. Threads: pure; any.
#pragma once

#include <optional>
#include <set>

#include "storage/base/bytes.h"

namespace runnel::core {

// The protocol type of consumers; Connect and others have their own, and their own metadata.
constexpr ByteView kConsumerProtocolType = "consumer";

using TopicSet = std::set<ByteView>;  // views into the metadata

std::optional<TopicSet> subscribed_topics(ByteView metadata);

// Whether two metadata of one member ask for the same. What an assignor keeps beside the topics
// (the partitions that were owned, say) differs after every restart and does not count.
bool same_subscription(ByteView protocol_type, ByteView before, ByteView now);

}  // namespace runnel::core
