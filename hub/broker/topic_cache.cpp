#include "hub/broker/topic_cache.h"

namespace runnel::broker {

TopicCache::Known& TopicCache::known(std::string_view topic) {
  if (const auto found = topics_.find(topic); found != topics_.end()) return found->second;
  if (topics_.size() >= kCachedTopicsMax) topics_.clear();
  return topics_[std::string(topic)];
}

const core::Destination& TopicCache::destination(std::string_view topic, std::string_view client) {
  if (topics_changes_ != routes_->changes()) {
    topics_changes_ = routes_->changes();
    topics_.clear();
  }
  Known& entry = known(topic);
  if (entry.routed) return entry.destination;
  core::Destination resolved = routes_->resolve(topic, client);
  if (resolved.depends_on_client) {
    uncached_ = std::move(resolved);
    return uncached_;
  }
  entry.destination = std::move(resolved);
  entry.routed = true;
  return entry.destination;
}

const std::vector<core::SubscriptionTree::Entry>& TopicCache::matches(std::string_view topic) {
  Known& entry = known(topic);
  if (entry.epoch != epoch_) {
    entry.matches.clear();
    tree_.match(topic, entry.matches);
    entry.epoch = epoch_;
  }
  return entry.matches;
}

void TopicCache::routes_changed(const core::Routes* routes) {
  routes_ = routes;
  topics_.clear();
}

}  // namespace runnel::broker
