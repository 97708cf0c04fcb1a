#include "hub/broker/retained.h"

#include "hub/core/row_key.h"
#include "hub/mqtt/topic_filter.h"

namespace runnel::broker {
namespace {

constexpr ByteView kKind = "r/";

std::size_t weight(std::string_view topic, const StoredMessage& stored) {
  return topic.size() + stored.row().size();
}

// The part of a filter before its first wildcard: all that it matches begins with that.
std::string_view literal_prefix(std::string_view filter) {
  const std::size_t wildcard = filter.find_first_of("+#");
  if (wildcard == std::string_view::npos) return filter;
  std::string_view prefix = filter.substr(0, wildcard);
  // `a/#` matches `a` as well.
  if (filter[wildcard] == '#' && prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix;
}

}  // namespace

Result<void> Retained::load(const log::Log& log) {
  return log.each_state(kKind, [this](ByteView, ByteView value) {
    if (StoredPtr stored = StoredMessage::from_row(value)) {
      std::string topic(stored->message().topic);
      apply(topic, std::move(stored));
    }
  });
}

bool Retained::fits(const Message& message, std::size_t bytes_max) const {
  if (message.payload.empty()) return true;
  std::size_t now = bytes_;
  if (const auto found = messages_.find(message.topic); found != messages_.end()) {
    now -= weight(found->first, *found->second);
  }
  constexpr std::size_t kRowOverhead = 64;
  return now + 2 * message.topic.size() + message.payload.size() + kRowOverhead <= bytes_max;
}

void Retained::write(const Message& message, const StoredPtr& stored, log::Group& group) {
  const Bytes key = core::row_key(kKind, message.topic);
  if (stored == nullptr) {
    group.erase_state(key, log::Group::Tie::records);
  } else {
    group.put_state(key, stored->row(), log::Group::Tie::records);
  }
}

void Retained::apply(const std::string& topic, StoredPtr stored) {
  if (const auto found = messages_.find(topic); found != messages_.end()) {
    bytes_ -= weight(topic, *found->second);
    messages_.erase(found);
  }
  if (stored == nullptr) return;
  bytes_ += weight(topic, *stored);
  messages_.emplace(topic, std::move(stored));
}

void Retained::match(
    std::string_view filter,
    const std::function<void(const StoredPtr&)>& visit
) const {
  const std::string_view prefix = literal_prefix(filter);
  if (prefix == filter) {
    if (StoredPtr stored = find(filter)) visit(stored);
    return;
  }
  for (auto it = messages_.lower_bound(prefix); it != messages_.end(); ++it) {
    if (!std::string_view(it->first).starts_with(prefix)) break;
    if (mqtt::matches(filter, it->first)) visit(it->second);
  }
}

StoredPtr Retained::find(std::string_view topic) const {
  const auto found = messages_.find(topic);
  return found == messages_.end() ? nullptr : found->second;
}

void Retained::expire(std::int64_t hub_ms, log::Group& group) {
  for (auto it = messages_.begin(); it != messages_.end();) {
    const StoredMessage& stored = *it->second;
    const auto left = expiry_left(stored.message().properties, stored.accepted_hub_ms(), hub_ms);
    if (!left || *left > 0) {
      ++it;
      continue;
    }
    group.erase_state(core::row_key(kKind, it->first));
    bytes_ -= weight(it->first, stored);
    it = messages_.erase(it);
  }
}

}  // namespace runnel::broker
