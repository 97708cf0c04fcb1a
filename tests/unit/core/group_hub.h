// A hub in which there is nothing but group coordinator, offsets and a log, on a clock that the
// test moves. Answers are kept by the request they belong to; a second answer to one is a failure.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/core/groups/group_coordinator.h"
#include "tests/support/log_fixture.h"

namespace runnel::core::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Answer {
  GroupError error = GroupError::none;
  std::string member_id;
  std::int32_t generation = -1;
  std::optional<std::string> type;
  std::optional<std::string> protocol;
  std::string leader;
  bool skip_assignment = false;
  std::map<std::string, std::string> members;  // to metadata
  std::map<std::string, std::string> instances;
  std::string assignment;
};

// What a test says of a join; the rest is ordinary.
struct Ask {
  std::string id{};
  std::optional<std::string> instance{};
  std::string group = "g";
  std::string type = "consumer";
  std::vector<std::pair<std::string, std::string>> protocols{{"range", "topics"}};
  milliseconds session = seconds(10);
  milliseconds rebalance = seconds(60);
  bool id_required = false;
  bool can_skip = false;
  std::uint64_t owner = 1;
  std::string client = "client";
};

class GroupHub : public ::testing::Test, public GroupAnswers {
 public:
  static constexpr std::uint32_t kGroupTicket = 7;
  static constexpr std::uint32_t kOffsetTicket = 8;

  GroupHub() { start(); }

  // A process begins; what was filled and not committed is lost.
  void start() {
    coordinator_.reset();
    filling_.clear();
    log_.reopen();
    offsets_ = std::make_unique<GroupOffsets>(offset_limits, kOffsetTicket);
    ASSERT_TRUE(offsets_->load(log_.log()));
    coordinator_ = std::make_unique<GroupCoordinator>(
        limits,
        *this,
        *offsets_,
        [this] { return next_random_ += 0x9e3779b97f4a7c15ULL; },
        kGroupTicket
    );
    ASSERT_TRUE(coordinator_->load(log_.log(), now_));
  }

  GroupCoordinator& groups() { return *coordinator_; }

  GroupOffsets& offsets() { return *offsets_; }

  GroupTurn turn() { return {now_, hub_ms_, filling_}; }

  [[nodiscard]] Instant now() const { return now_; }

  [[nodiscard]] std::int64_t hub_ms() const { return hub_ms_; }

  runnel::test::LogFixture& log() { return log_; }

  // Commits what is filled, and settles it.
  void commit() {
    while (!filling_.empty()) {
      log::Group committed = std::exchange(filling_, {});
      if (broken) {
        committed.outcome.state = committed.outcome.records = Errc::log_full;
      } else {
        EXPECT_EQ(log_.log().commit(committed), Errc::ok);
      }
      settle(committed);
    }
  }

  log::Group take_filling() { return std::exchange(filling_, {}); }

  void settle(const log::Group& committed) {
    GroupTurn t = turn();
    for (const log::Ticket& ticket : committed.tickets()) {
      if (ticket.kind == kGroupTicket) coordinator_->settled(ticket, committed.outcome, t);
      if (ticket.kind == kOffsetTicket) offsets_->settled(ticket, committed.outcome);
    }
  }

  // Time passes, and what is due is done when it is due.
  void advance(milliseconds by) {
    const Instant until = now_ + by;
    for (;;) {
      const auto next = coordinator_->next_deadline();
      if (!next || *next > until) break;
      pass_to(std::max(*next, now_));
      GroupTurn t = turn();
      coordinator_->tick(t);
      commit();
      const auto after = coordinator_->next_deadline();
      ASSERT_TRUE(!after || *after > now_) << "nothing was done about a deadline";
    }
    pass_to(until);
  }

  // --- requests; joins and syncs give the tag of their answer ---

  std::uint64_t join(const Ask& ask) {
    JoinRequest r;
    r.group_id = ask.group;
    r.member_id = ask.id;
    if (ask.instance) r.instance_id = *ask.instance;
    r.client_id = ask.client;
    r.client_host = "/10.0.0.7";
    r.session_timeout = ask.session;
    r.rebalance_timeout = ask.rebalance;
    r.protocol_type = ask.type;
    for (const auto& [name, metadata] : ask.protocols) r.protocols.push_back({name, metadata});
    r.member_id_required = ask.id_required;
    r.can_skip_assignment = ask.can_skip;
    const Waiter waiter{ask.owner, ++last_tag_};
    GroupTurn t = turn();
    coordinator_->join(waiter, r, t);
    return waiter.tag;
  }

  std::uint64_t sync(
      const MemberClaim& claim,
      const std::map<std::string, std::string>& assignments = {},
      std::uint64_t owner = 1
  ) {
    SyncRequest r;
    r.member = claim;
    for (const auto& [id, bytes] : assignments) r.assignments.push_back({id, bytes});
    const Waiter waiter{owner, ++last_tag_};
    GroupTurn t = turn();
    coordinator_->sync(waiter, r, t);
    return waiter.tag;
  }

  GroupError heartbeat(const std::string& id, std::int32_t generation, const std::string& g = "g") {
    return coordinator_->heartbeat({g, id, std::nullopt, generation}, now_);
  }

  GroupError heartbeat_as(
      const std::string& instance, const std::string& id, std::int32_t generation
  ) {
    return coordinator_->heartbeat({"g", id, instance, generation}, now_);
  }

  GroupError check_commit(
      const std::string& id,
      std::int32_t generation,
      GroupCoordinator::CommitKind kind = GroupCoordinator::CommitKind::plain
  ) {
    return coordinator_->check_commit({"g", id, std::nullopt, generation}, kind, now_);
  }

  GroupError leave(const std::string& id) {
    return leave(std::vector<Leaving>{{id, std::nullopt}}).at(0);
  }

  std::vector<GroupError> leave(const std::vector<Leaving>& leaving, const std::string& g = "g") {
    std::vector<GroupError> errors;
    GroupTurn t = turn();
    EXPECT_EQ(coordinator_->leave(g, leaving, errors, t), GroupError::none);
    return errors;
  }

  GroupError remove(const std::string& g) {
    GroupTurn t = turn();
    return coordinator_->remove(g, t);
  }

  void forget(std::uint64_t owner) {
    GroupTurn t = turn();
    coordinator_->forget(owner, t);
    forgotten_.insert(owner);
  }

  GroupError put_offset(
      const std::string& group,
      const std::string& topic,
      std::int32_t partition,
      std::int64_t offset,
      const std::string& metadata = "",
      std::optional<milliseconds> retention = std::nullopt
  ) {
    const GroupOffsets::Entry entry{topic, partition, offset, 3, metadata};
    GroupTurn t = turn();
    return offsets_->commit(group, {&entry, 1}, retention, t).at(0);
  }

  // -1: there is none.
  std::int64_t offset(const std::string& group, const std::string& topic, std::int32_t partition) {
    const CommittedOffset* found = offsets_->find(group, topic, partition);
    return found == nullptr ? -1 : found->offset;
  }

  // --- answers ---

  [[nodiscard]] bool answered(std::uint64_t tag) const { return answers_.contains(tag); }

  Answer answer(std::uint64_t tag) {
    const auto found = answers_.find(tag);
    if (found == answers_.end()) {
      ADD_FAILURE() << "request " << tag << " has no answer";
      return {};
    }
    return found->second;
  }

  GroupError error(std::uint64_t tag) { return answer(tag).error; }

  // --- whole stories ---

  // A stable group with these members (whose `id` is empty): their ids, the leader's first. Each
  // has its place in the list as its assignment.
  std::vector<std::string> form(std::vector<Ask> asks) {
    std::vector<std::uint64_t> tags{join(asks[0])};
    asks[0].id = answer(tags[0]).member_id;
    for (std::size_t i = 1; i < asks.size(); ++i) tags.push_back(join(asks[i]));
    if (asks.size() > 1) tags[0] = join(asks[0]);
    std::vector<std::string> ids;
    std::map<std::string, std::string> work;
    for (const std::uint64_t tag : tags) {
      EXPECT_EQ(error(tag), GroupError::none);
      ids.push_back(answer(tag).member_id);
      work[ids.back()] = std::to_string(ids.size() - 1);
    }
    const std::string& g = asks[0].group;
    const std::int32_t generation = answer(tags[0]).generation;
    for (std::size_t i = asks.size(); i-- > 0;) {
      tags[i] = sync({g, ids[i], std::nullopt, generation}, i == 0 ? work : decltype(work){});
    }
    commit();
    for (std::size_t i = 0; i < asks.size(); ++i) {
      EXPECT_EQ(answer(tags[i]).assignment, std::to_string(i));
    }
    EXPECT_EQ(state(g), GroupState::stable);
    return ids;
  }

  GroupState state(const std::string& g = "g") { return coordinator_->describe(g).state; }

  std::size_t member_count(const std::string& g = "g") {
    return coordinator_->describe(g).members.size();
  }

  GroupLimits limits;
  OffsetLimits offset_limits;
  bool broken = false;  // commits of the log fail

 private:
  void joined(Waiter waiter, const Joined& a) override {
    Answer out;
    out.error = a.error;
    out.member_id = a.member_id;
    out.generation = a.generation;
    if (a.protocol_type) out.type = *a.protocol_type;
    if (a.protocol) out.protocol = *a.protocol;
    out.leader = a.leader;
    out.skip_assignment = a.skip_assignment;
    for (const Joined::Peer& peer : a.members) {
      out.members.emplace(peer.member_id, peer.metadata);
      if (peer.instance_id) out.instances.emplace(peer.member_id, *peer.instance_id);
    }
    keep(waiter, std::move(out));
  }

  void synced(Waiter waiter, const Synced& a) override {
    Answer out;
    out.error = a.error;
    if (a.protocol_type) out.type = *a.protocol_type;
    if (a.protocol) out.protocol = *a.protocol;
    out.assignment = a.assignment;
    keep(waiter, std::move(out));
  }

  void keep(Waiter waiter, Answer answer) {
    EXPECT_TRUE(answers_.emplace(waiter.tag, std::move(answer)).second) << "answered twice";
    EXPECT_FALSE(forgotten_.contains(waiter.owner)) << "answered to nobody";
  }

  void pass_to(Instant then) {
    const auto by = std::chrono::duration_cast<milliseconds>(then - now_);
    log_.clock.advance(by);
    hub_ms_ += by.count();
    now_ = then;
  }

  runnel::test::LogFixture log_;
  log::Group filling_;
  std::unique_ptr<GroupOffsets> offsets_;
  std::unique_ptr<GroupCoordinator> coordinator_;
  Instant now_{std::chrono::hours(1)};
  std::int64_t hub_ms_ = 1'000'000;
  std::uint64_t last_tag_ = 0;
  std::uint64_t next_random_ = 1;
  std::map<std::uint64_t, Answer> answers_;
  std::set<std::uint64_t> forgotten_;
};

}  // namespace runnel::core::test
