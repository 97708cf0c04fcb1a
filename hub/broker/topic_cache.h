// What is known of the MQTT topics that were seen lately: where the route sends them, and which
// subscriptions want them. One look-up per publish and one per delivery, instead of a walk over the
// routes and the subscription tree. Bounded; emptied when full, when routes change, and (the matches)
// when a subscription changes. Threads: one, the io thread.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "hub/core/routes.h"
#include "hub/core/subscription_tree.h"

namespace runnel::broker {

constexpr std::size_t kCachedTopicsMax = 8192;

class TopicCache {
 public:
  // Both outlive this.
  TopicCache(const core::Routes* routes, const core::SubscriptionTree& tree)
      : routes_(routes), tree_(tree) {}

  // Where a publish of `client` to `topic` goes. The reference lives until the next call.
  const core::Destination& destination(std::string_view topic, std::string_view client);

  // The subscriptions that match. The reference lives until the next call.
  const std::vector<core::SubscriptionTree::Entry>& matches(std::string_view topic);

  void routes_changed(const core::Routes* routes);
  void subscriptions_changed() { ++epoch_; }

 private:
  struct Known {
    core::Destination destination;
    bool routed = false;
    std::uint64_t epoch = 0;
    std::vector<core::SubscriptionTree::Entry> matches;
  };

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view topic) const {
      return std::hash<std::string_view>{}(topic);
    }
  };

  Known& known(std::string_view topic);

  const core::Routes* routes_;
  const core::SubscriptionTree& tree_;
  std::unordered_map<std::string, Known, Hash, std::equal_to<>> topics_;
  core::Destination uncached_;
  std::uint64_t epoch_ = 1;
  std::uint64_t topics_changes_ = 0;  // Routes::changes() that the destinations are of
};

}  // namespace runnel::broker
