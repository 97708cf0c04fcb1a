// Many members, a few groups, a clock that the test moves, and everything that goes wrong with
// them: members that crash, hang, leave, change their minds; commits that fail or take long; a hub
// that is restarted. What must hold whatever happens is checked at every answer.
#include "storage/base/logger.h"
#include "tests/support/seed.h"
#include "tests/unit/core/group_hub.h"

namespace runnel::core::test {
namespace {

constexpr std::size_t kClients = 36;
constexpr std::size_t kGroups = 3;
constexpr seconds kSessionMax{20};
constexpr seconds kRebalanceMax{30};

std::string group_name(std::size_t client) {
  return "group-" + std::to_string(client % kGroups);
}

struct Client {
  enum class Doing { nothing, joining, syncing, working };

  std::size_t number = 0;
  std::string group;
  std::optional<std::string> instance;
  milliseconds session{};
  milliseconds rebalance{};
  bool id_required = false;
  bool can_skip = false;

  Doing doing = Doing::nothing;
  std::uint64_t owner = 0;
  std::uint64_t tag = 0;
  std::string id;
  std::int32_t generation = -1;
  std::string metadata = "m";
  Instant next_heartbeat{};
};

class GroupModel : public GroupHub {
 protected:
  GroupModel() {
    logger::set_level(logger::Level::error);
    limits.initial_rebalance_delay = milliseconds(random_.between(0, 1) * 1500);
    start();
    for (std::size_t i = 0; i < kClients; ++i) {
      Client& c = clients_.emplace_back();
      c.number = i;
      c.group = group_name(i);
      if (random_.one_in(3)) c.instance = "instance-" + std::to_string(i);
      c.session = seconds(random_.between(6, static_cast<std::uint64_t>(kSessionMax.count())));
      c.rebalance = seconds(random_.between(5, static_cast<std::uint64_t>(kRebalanceMax.count())));
      c.id_required = random_.one_in(2);
      c.can_skip = random_.one_in(2);
    }
    // Groups with an offset are not forgotten when they are empty.
    for (std::size_t g = 0; g < kGroups; ++g) put_offset(group_name(g), "t", 0, 1);
    commit();
  }

  ~GroupModel() override { logger::set_level(logger::Level::info); }

  // --- what a client does ---

  void send_join(Client& c) {
    if (c.owner == 0) c.owner = ++last_owner_;
    c.doing = Client::Doing::joining;
    c.tag = join({
        .id = c.id,
        .instance = c.instance,
        .group = c.group,
        .protocols = {{"range", c.metadata}, {"sticky", ""}},
        .session = c.session,
        .rebalance = c.rebalance,
        .id_required = c.id_required,
        .can_skip = c.can_skip,
        .owner = c.owner,
    });
  }

  void start_over(Client& c, GroupError error) {
    if (error == GroupError::unknown_member_id || error == GroupError::fenced_instance_id) {
      c.id.clear();
    }
    c.generation = -1;
    send_join(c);
  }

  void read_joined(Client& c) {
    const Answer a = answer(c.tag);
    if (a.error == GroupError::member_id_required) {
      c.id = a.member_id;
      return send_join(c);
    }
    if (a.error != GroupError::none) {
      ASSERT_NE(a.error, GroupError::inconsistent_group_protocol);
      ASSERT_NE(a.error, GroupError::group_max_size_reached);
      return start_over(c, a.error);
    }
    c.id = a.member_id;
    c.generation = a.generation;
    std::map<std::string, std::string> work;
    if (!a.members.empty() && !a.skip_assignment) {
      EXPECT_EQ(a.leader, c.id);
      EXPECT_TRUE(a.members.contains(c.id));
      const auto [at, first] = leaders_.try_emplace({boot_, c.group, a.generation}, c.id);
      EXPECT_EQ(at->second, c.id) << "two leaders of one generation";
      const std::string plan = std::to_string(++plans_);
      for (const auto& [id, metadata] : a.members) work[id] = plan;
    }
    c.doing = Client::Doing::syncing;
    c.tag = sync({c.group, c.id, instance_of(c), c.generation}, work, c.owner);
  }

  void read_synced(Client& c) {
    const Answer a = answer(c.tag);
    if (a.error != GroupError::none) return start_over(c, a.error);
    const auto [at, first] = plan_of_.try_emplace({c.group, c.generation}, a.assignment);
    EXPECT_EQ(at->second, a.assignment) << "members of one generation have two assignments";
    EXPECT_NE(a.assignment, "");
    std::int32_t& newest = newest_[c.group];
    newest = std::max(newest, c.generation);  // it may have been slow to read
    c.doing = Client::Doing::working;
    c.next_heartbeat = now();
  }

  void work(Client& c) {
    if (now() < c.next_heartbeat) return;
    c.next_heartbeat = now() + seconds(2);
    const GroupError error =
        groups().heartbeat({c.group, c.id, instance_of(c), c.generation}, now());
    if (error != GroupError::none) return start_over(c, error);
    try_commit(c.group, c.id, c.generation);
  }

  void go_on(Client& c) {
    switch (c.doing) {
      case Client::Doing::nothing:
        return send_join(c);
      case Client::Doing::joining:
        return answered(c.tag) ? read_joined(c) : void();
      case Client::Doing::syncing:
        return answered(c.tag) ? read_synced(c) : void();
      case Client::Doing::working:
        return work(c);
    }
  }

  // Whoever may commit is of the newest generation that anybody has worked in.
  void try_commit(const std::string& group, const std::string& id, std::int32_t generation) {
    const GroupError error = groups().check_commit(
        {group, id, std::nullopt, generation}, GroupCoordinator::CommitKind::plain, now()
    );
    if (error != GroupError::none) return;
    EXPECT_GE(generation, newest_[group]) << "a zombie commits";
  }

  static std::optional<ByteView> instance_of(const Client& c) {
    return c.instance ? std::optional<ByteView>(*c.instance) : std::nullopt;
  }

  // --- what goes wrong ---

  // The hub sees that the connection is gone, or (half of the time in the wild) does not.
  void cut(Client& c, bool seen) {
    if (c.owner != 0 && seen) forget(c.owner);
    c.owner = 0;
    c.doing = Client::Doing::nothing;
    if (random_.one_in(2)) c.id.clear();  // another process
  }

  void restart_hub() {
    start();
    ++boot_;
    for (Client& c : clients_) {
      c.owner = 0;
      if (c.doing == Client::Doing::joining || c.doing == Client::Doing::syncing) {
        c.doing = Client::Doing::nothing;
      } else if (c.doing == Client::Doing::working) {
        c.owner = ++last_owner_;
      }
    }
  }

  void trouble() {
    Client& c = clients_[random_.between(0, kClients - 1)];
    if (!c.id.empty()) zombies_.push_back({c.group, c.id, c.generation});
    switch (random_.between(0, 7)) {
      case 0:
        return cut(c, true);
      case 1:
        return cut(c, false);
      case 2:
        leave({{c.id, instance_of(c)}}, c.group);
        return cut(c, true);
      case 3:
        c.metadata += "+";
        return c.doing == Client::Doing::working ? send_join(c) : void();
      case 4: {
        broken = true;
        commit_once();
        broken = false;
        return;
      }
      case 5:
        return random_.one_in(10) ? restart_hub() : void();
      default: {
        if (zombies_.empty()) return;
        const Zombie& z = zombies_[random_.between(0, zombies_.size() - 1)];
        return try_commit(z.group, z.id, z.generation);
      }
    }
  }

  // A failed commit brings rows of its own, which the next one may store.
  void commit_once() {
    log::Group group = take_filling();
    group.outcome.state = group.outcome.records = Errc::log_full;
    settle(group);
  }

  void expect_right() {
    for (std::size_t g = 0; g < kGroups; ++g) {
      const GroupDescription d = groups().describe(group_name(g));
      std::set<ByteView> instances;
      for (const auto& m : d.members) {
        EXPECT_TRUE(!m.instance_id || instances.insert(*m.instance_id).second) << "twice in";
        EXPECT_EQ(d.state == GroupState::stable, !m.assignment.empty());
      }
      EXPECT_EQ(
          d.state == GroupState::empty,
          d.members.empty() && d.state != GroupState::preparing_rebalance
      );
    }
  }

  void expect_all_at_work() {
    std::map<std::string, std::int32_t> generations;
    std::map<std::string, std::size_t> members;
    for (const Client& c : clients_) {
      EXPECT_EQ(c.doing, Client::Doing::working) << "client " << c.number;
      const auto [at, first] = generations.try_emplace(c.group, c.generation);
      EXPECT_EQ(at->second, c.generation) << "client " << c.number;
      ++members[c.group];
    }
    for (const auto& [group, count] : members) {
      EXPECT_EQ(state(group), GroupState::stable) << group;
      EXPECT_EQ(member_count(group), count) << group;
    }
  }

  struct Zombie {
    std::string group;
    std::string id;
    std::int32_t generation;
  };

  runnel::test::Random random_;
  std::vector<Client> clients_;
  std::vector<Zombie> zombies_;
  std::uint64_t last_owner_ = 0;
  std::uint64_t plans_ = 0;
  int boot_ = 0;
  std::map<std::tuple<int, std::string, std::int32_t>, std::string> leaders_;
  std::map<std::pair<std::string, std::int32_t>, std::string> plan_of_;
  std::map<std::string, std::int32_t> newest_;
};

TEST_F(GroupModel, WhateverHappensGenerationsHaveOneLeaderAndOnePlanAndGroupsSettleAfterwards) {
  for (int round = 0; round < 3 && !HasFailure(); ++round) {
    for (int step = 0; step < 1000 && !HasFailure(); ++step) {
      for (int i = 0; i < 6; ++i) go_on(clients_[random_.between(0, kClients - 1)]);
      if (random_.one_in(4)) trouble();
      if (!random_.one_in(3)) commit();
      if (random_.one_in(2)) advance(milliseconds(random_.between(0, 700)));
      expect_right();
    }
    // From here on everybody behaves. The dead are noticed, and those who waited for them go on.
    const Instant end = now() + kSessionMax + 2 * kRebalanceMax + seconds(10);
    while (now() < end && !HasFailure()) {
      for (Client& c : clients_) go_on(c);
      commit();
      advance(milliseconds(250));
    }
    expect_all_at_work();
  }
  EXPECT_GT(plan_of_.size(), 30U) << "there was little to see";
}

TEST_F(GroupModel, MembersThatAreKilledAndReplacedDoNotStopTheOthers) {
  for (int round = 0; round < 8 && !HasFailure(); ++round) {
    for (Client& c : clients_) {
      if (random_.one_in(4)) cut(c, random_.one_in(2));
    }
    const Instant end = now() + kSessionMax + kRebalanceMax + seconds(5);
    while (now() < end) {
      for (Client& c : clients_) go_on(c);
      commit();
      advance(milliseconds(100));
    }
    expect_all_at_work();
  }
}

}  // namespace
}  // namespace runnel::core::test
