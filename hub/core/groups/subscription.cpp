#include "hub/core/groups/subscription.h"

namespace runnel::core {

std::optional<TopicSet> subscribed_topics(ByteView metadata) {
  ByteReader r(metadata);
  r.be16();
  const std::uint32_t count = r.be32();
  if (count > r.left() / 2) return std::nullopt;  // each name has a length of two bytes
  TopicSet topics;
  for (std::uint32_t i = 0; i < count && r.ok(); ++i) topics.insert(r.take(r.be16()));
  if (!r.ok()) return std::nullopt;
  return topics;
}

bool same_subscription(ByteView protocol_type, ByteView before, ByteView now) {
  if (before == now) return true;
  if (protocol_type != kConsumerProtocolType) return false;
  const auto old_topics = subscribed_topics(before);
  return old_topics && old_topics == subscribed_topics(now);
}

}  // namespace runnel::core
