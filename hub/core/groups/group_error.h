// What the group coordinator answers when it says no. The values are Kafka's error codes, so that a
// codec writes them as they are.
#pragma once

#include <cstdint>

#include "storage/base/error.h"

namespace runnel::core {

enum class GroupError : std::int16_t {
  none = 0,
  offset_metadata_too_large = 12,
  coordinator_not_available = 15,  // try again: the commit failed, or there is no room for a group
  invalid_topic = 17,
  illegal_generation = 22,
  inconsistent_group_protocol = 23,
  invalid_group_id = 24,
  unknown_member_id = 25,
  invalid_session_timeout = 26,
  rebalance_in_progress = 27,
  invalid_commit_offset_size = 28,  // a limit on committed offsets is reached
  invalid_request = 42,
  non_empty_group = 68,
  group_id_not_found = 69,
  member_id_required = 79,
  group_max_size_reached = 81,
  fenced_instance_id = 82,
  group_subscribed_to_topic = 86,
};

// What to tell somebody who waited for a commit of the log.
constexpr GroupError group_error_of(Errc outcome) {
  return outcome == Errc::ok ? GroupError::none : GroupError::coordinator_not_available;
}

}  // namespace runnel::core
