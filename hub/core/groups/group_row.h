// The bytes of a consumer group's state row, written with each generation that becomes stable, when
// a static member replaces itself, and when the last member has gone:
//
//   gc/{group}   u8 1, group id counted, protocol type counted, i32 generation, protocol counted,
//                leader's member id counted, i64 hub ms since when it is empty,
//                varint n of members: member id counted, u8 has instance id, instance id counted,
//                client id counted, client host counted, u32 session timeout ms, u32 rebalance
//                timeout ms, metadata of the chosen protocol counted, assignment counted
//
// Threads: pure; any.
#pragma once

#include <memory>

#include "hub/core/groups/consumer_group.h"

namespace runnel::core {

constexpr ByteView kConsumerGroupKind = "gc/";

Bytes group_row_name(ByteView group_id);
Bytes encode_group_row(const ConsumerGroup& group);

// A stable group, or an empty one, as the row has it; deadlines of members count from `now`.
// nullptr: the row is not one.
std::unique_ptr<ConsumerGroup> decode_group_row(ByteView row, Instant now);

}  // namespace runnel::core
