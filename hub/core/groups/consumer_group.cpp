#include "hub/core/groups/consumer_group.h"

#include <algorithm>

namespace runnel::core {

ByteView Member::metadata(ByteView protocol) const {
  const auto found = std::ranges::find(protocols_, protocol, &Protocol::name);
  return found == protocols_.end() ? ByteView{} : ByteView(found->metadata);
}

bool Member::offers(ByteView protocol) const {
  return std::ranges::find(protocols_, protocol, &Protocol::name) != protocols_.end();
}

bool Member::offers_exactly(const std::vector<OfferedProtocol>& protocols) const {
  return std::ranges::equal(protocols_, protocols, [](const Protocol& a, const OfferedProtocol& b) {
    return a.name == b.name && a.metadata == b.metadata;
  });
}

std::optional<ByteView> Member::instance() const {
  return instance_id ? std::optional<ByteView>(*instance_id) : std::nullopt;
}

std::size_t Member::bytes() const {
  std::size_t sum = kMemberOverheadBytes + 2 * id.size() + client_id.size() + client_host.size() +
                    assignment_.size();
  if (instance_id) sum += 2 * instance_id->size();
  for (const Protocol& p : protocols_) {
    sum += kProtocolOverheadBytes + p.name.size() + p.metadata.size();
  }
  return sum;
}

Member* ConsumerGroup::find(ByteView member_id) {
  const auto found = members_.find(member_id);
  return found == members_.end() ? nullptr : &found->second;
}

Member* ConsumerGroup::find_instance(ByteView instance_id) {
  const auto found = instances_.find(instance_id);
  return found == instances_.end() ? nullptr : find(found->second);
}

void ConsumerGroup::count_protocols(const Member& member, int by) {
  for (const Member::Protocol& p : member.protocols_) {
    std::size_t& count = supporters_[p.name];
    count += static_cast<std::size_t>(by);
    if (count == 0) supporters_.erase(p.name);
  }
}

Member& ConsumerGroup::add(Member member) {
  if (member.instance_id) {
    RUNNEL_CHECK(instances_.emplace(*member.instance_id, member.id).second);
  }
  const auto [at, fresh] = members_.try_emplace(member.id, std::move(member));
  RUNNEL_CHECK(fresh);
  count_protocols(at->second, 1);
  bytes_ += at->second.bytes();
  return at->second;
}

void ConsumerGroup::remove(ByteView member_id) {
  const auto found = members_.find(member_id);
  RUNNEL_CHECK(found != members_.end());
  const Member& member = found->second;
  if (member.instance_id) instances_.erase(*member.instance_id);
  if (leader == member.id) leader.clear();
  count_protocols(member, -1);
  bytes_ -= member.bytes();
  members_.erase(found);
}

Member& ConsumerGroup::rename(ByteView member_id, Bytes new_id) {
  auto node = members_.extract(members_.find(member_id));
  RUNNEL_CHECK(!node.empty());
  Member& member = node.mapped();
  bytes_ -= member.bytes();
  if (leader == member.id) leader = new_id;
  if (member.instance_id) instances_[*member.instance_id] = new_id;
  member.id = new_id;
  bytes_ += member.bytes();
  node.key() = std::move(new_id);
  return members_.insert(std::move(node)).position->second;
}

void ConsumerGroup::set_protocols(Member& member, const std::vector<OfferedProtocol>& protocols) {
  const bool known = find(member.id) == &member;
  if (known) {
    bytes_ -= member.bytes();
    count_protocols(member, -1);
  }
  member.protocols_.clear();
  for (const OfferedProtocol& p : protocols) {
    if (!member.offers(p.name)) member.protocols_.push_back({Bytes(p.name), Bytes(p.metadata)});
  }
  if (known) {
    bytes_ += member.bytes();
    count_protocols(member, 1);
  }
}

void ConsumerGroup::set_assignment(Member& member, ByteView assignment) {
  bytes_ += assignment.size();
  bytes_ -= member.assignment_.size();
  member.assignment_ = assignment;
}

void ConsumerGroup::clear_assignments() {
  for (auto& [id, member] : members_) set_assignment(member, {});
}

void ConsumerGroup::add_pending(const Bytes& member_id, Instant until) {
  if (pending_.emplace(member_id, until).second) bytes_ += kMemberOverheadBytes + member_id.size();
}

bool ConsumerGroup::remove_pending(ByteView member_id) {
  const auto found = pending_.find(member_id);
  if (found == pending_.end()) return false;
  bytes_ -= kMemberOverheadBytes + found->first.size();
  pending_.erase(found);
  return true;
}

void ConsumerGroup::remove_pending(Instant now) {
  for (auto at = pending_.begin(); at != pending_.end();) {
    const auto next = std::next(at);
    if (at->second <= now) remove_pending(ByteView(at->first));
    at = next;
  }
}

bool ConsumerGroup::accepts(
    ByteView type, const std::vector<OfferedProtocol>& protocols, const Member* instead
) const {
  if (type.empty() || protocols.empty()) return false;
  const std::size_t others = members_.size() - (instead != nullptr ? 1 : 0);
  if (others == 0) return true;
  if (type != protocol_type) return false;
  return std::ranges::any_of(protocols, [&](const OfferedProtocol& p) {
    const auto found = supporters_.find(p.name);
    if (found == supporters_.end()) return false;
    const bool counted = instead != nullptr && instead->offers(p.name);
    return found->second - (counted ? 1 : 0) == others;
  });
}

Bytes ConsumerGroup::choose_protocol() const {
  std::map<ByteView, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    for (const Member::Protocol& p : member.protocols_) {
      if (supporters_.at(p.name) != members_.size()) continue;
      ++votes[p.name];
      break;
    }
  }
  RUNNEL_CHECK(!votes.empty());  // nobody is let in who has nothing in common with the others
  const auto first = members_.find(leader);
  const Member& judge = first == members_.end() ? members_.begin()->second : first->second;
  ByteView best;
  std::size_t most = 0;
  for (const Member::Protocol& p : judge.protocols_) {
    const auto found = votes.find(p.name);
    if (found == votes.end() || found->second <= most) continue;
    best = found->first;
    most = found->second;
  }
  return Bytes(best);
}

std::size_t ConsumerGroup::joining() const {
  return static_cast<std::size_t>(std::ranges::count_if(members_, [](const auto& entry) {
    return entry.second.joining.has_value();
  }));
}

std::chrono::milliseconds ConsumerGroup::rebalance_timeout() const {
  std::chrono::milliseconds longest{1};
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

std::optional<Instant> ConsumerGroup::first_deadline() const {
  Instant first = Instant::max();
  bool sync_due = false;
  for (const auto& [id, until] : pending_) first = std::min(first, until);
  for (const auto& [id, member] : members_) {
    first = std::min(first, member.deadline);
    sync_due = sync_due || member.sync_due;
  }
  if (sync_due) first = std::min(first, sync_deadline);
  if (state == GroupState::preparing_rebalance) {
    first = std::min(first, delaying ? delay_until : rebalance_deadline);
  }
  return first == Instant::max() ? std::nullopt : std::optional(first);
}

}  // namespace runnel::core
