#include "tests/simulation/run.h"

#include <algorithm>

#include "hub/mqtt/topic_filter.h"

namespace runnel::simulation {
namespace {

using mqtt::QoS;
using mqtt::Version;

const std::vector<std::string> kTopics{"a/1", "a/2", "b/1", "m/1", "m/2", "m/3", "r/1", "r/2"};
const std::vector<std::string> kFilters{"#", "a/#", "a/+", "+/1", "b/1", "m/#", "m/2", "r/+"};
constexpr std::size_t kCalmRoundsMax = 20'000;

}  // namespace

Run::Run(std::uint64_t seed, RunOptions options) : dice_(seed), options_(options) {
  hub_ = std::make_unique<Hub>(hub_options(), ledger_);
  make_clients();
  make_shares();
}

HubOptions Run::hub_options() {
  HubOptions o;
  o.log.dir = dir_.path() / "data";
  o.log.generation_bytes = 512 << 10;
  o.log.limit_bytes = options_.retirement ? 3 << 20 : 64 << 20;
  o.limits.inflight_max = static_cast<std::uint16_t>(dice_.between(1, 30));
  o.limits.receive_maximum = 40;
  o.limits.topic_alias_max = static_cast<std::uint16_t>(dice_.between(0, 4));
  o.limits.outbound_bytes_max = dice_.one_in(2) ? 600 : 64 << 10;
  o.limits.block_cache_bytes_max = dice_.one_in(2) ? 1000 : 1 << 20;
  o.limits.sys_interval = std::chrono::seconds(0);
  o.group_bytes_max = dice_.one_in(2) ? 2000 : 64 << 10;
  o.partitions = static_cast<std::uint32_t>(dice_.between(1, 3));
  return o;
}

void Run::add(ClientPlan plan) {
  plan.id = "c" + std::to_string(clients_.size());
  plan.version = dice_.one_in(2) ? Version::v5 : Version::v3_1_1;
  plan.receive_maximum = static_cast<std::uint16_t>(dice_.between(1, 20));
  plan.topic_alias_maximum = static_cast<std::uint16_t>(dice_.between(0, 3));
  plan.window = dice_.between(1, 10);
  plan.padding_max = options_.retirement ? 8000 : 100;
  clients_.push_back(std::make_unique<Client>(std::move(plan), *hub_, ledger_, dice_));
}

void Run::make_clients() {
  for (std::size_t n = dice_.between(2, 4); n > 0; --n) {
    ClientPlan publisher;
    publisher.persistent = !dice_.one_in(3);
    publisher.topics = kTopics;
    add(std::move(publisher));
  }
  for (std::size_t n = dice_.between(2, 5); n > 0; --n) {
    ClientPlan subscriber;
    subscriber.persistent = !dice_.one_in(3);
    subscriber.live = dice_.one_in(4);
    if (dice_.one_in(4)) subscriber.topics = {"a/1", "m/1"};
    for (std::size_t f = dice_.between(1, 3); f > 0; --f) {
      const std::string& filter = dice_.pick(kFilters);
      const auto known = [&](const Wish& w) { return w.filter == filter; };
      if (std::any_of(subscriber.filters.begin(), subscriber.filters.end(), known)) continue;
      subscriber.filters.push_back({filter, static_cast<QoS>(dice_.between(0, 2))});
    }
    add(std::move(subscriber));
  }
}

// Members of one share ask for one QoS, and their sessions last.
void Run::make_shares() {
  for (std::size_t n = dice_.between(0, 2); n > 0; --n) {
    shares_.push_back(std::make_unique<Share>());
    Share& share = *shares_.back();
    share.filter = dice_.pick(kFilters);
    share.qos = static_cast<QoS>(dice_.between(1, 2));
    for (std::size_t m = dice_.between(1, 3); m > 0; --m) {
      ClientPlan member;
      member.share = &share;
      member.filters = {{"$share/s" + std::to_string(n) + "/" + share.filter, share.qos}};
      add(std::move(member));
    }
  }
}

// --- chance ---

void Run::step() {
  const std::size_t what = dice_.between(1, 100);
  if (what <= 50) return step_of(*dice_.pick(clients_));
  if (what <= 75) {
    if (hub_->links().empty()) return;
    const LinkPtr link = dice_.pick(hub_->links());
    if (!hub_->receive(*link, dice_.between(1, options_.retirement ? 20'000 : 400)))
      hub_->notice_cut(*link);
  } else if (what <= 83) {
    hub_->commit();
  } else if (what <= 91) {
    hub_->settle();
  } else if (what <= 95) {
    hub_->read();
  } else if (what <= 97) {
    hub_->run();
  } else {
    hub_->tick(std::chrono::milliseconds(dice_.between(1, 700)));
  }
  if (options_.crashes && dice_.one_in(400)) hub_->crash();
}

void Run::step_of(Client& c) {
  if (c.offline()) {
    if (c.plan().live || dice_.one_in(4)) c.connect();
    return;
  }
  const std::size_t what = dice_.between(1, 100);
  if (what <= 40) {
    c.read(dice_.between(1, options_.retirement ? 30'000 : 500));
  } else if (what <= 60) {
    c.acknowledge(dice_.between(1, 5));
  } else if (what <= 70) {
    c.subscribe();
  } else if (what <= 96 || c.plan().live) {
    for (std::size_t n = dice_.between(1, 4); n > 0; --n) c.publish();
  } else if (what <= 97) {
    c.disconnect();
  } else if (what <= 98) {
    c.drop_inside_a_packet();
  } else {
    c.drop();
  }
}

// --- coming to rest ---

bool Run::network() {
  bool any = false;
  const auto links = hub_->links();
  for (const LinkPtr& link : links) {
    any = hub_->receive(*link, 100'000) || any;
    if (link->to_hub.empty()) any = hub_->notice_cut(*link) || any;
  }
  return any;
}

// Everything that can be done is done once; false: there was nothing.
bool Run::work() {
  bool any = network();
  for (const auto& c : clients_) {
    any = c->connect() || any;
    any = c->read(100'000) || any;
    any = c->subscribe() || any;
    any = c->acknowledge(1000) || any;
  }
  any = hub_->commit() || any;
  any = hub_->settle() || any;
  any = hub_->read() || any;
  any = hub_->run() || any;
  return any;
}

void Run::rest() {
  for (int calm = 0; calm < 3; ++calm) {
    std::size_t rounds = 0;
    while (work()) require(++rounds < kCalmRoundsMax, "a hub that is left alone comes to rest");
    hub_->tick(std::chrono::milliseconds(1500));
  }
}

void Run::go() {
  for (std::size_t i = 0; i < options_.steps; ++i) step();
  rest();
  check();
}

// --- at rest ---

void Run::check() {
  for (const auto& c : clients_) {
    require(c->connected() && c->settled(), "every exchange is completed: " + c->describe());
    c->check_owed();
  }
  check_shares();
  check_retained();
  ledger_.compare(hub_->log());
}

void Run::check_shares() const {
  for (const auto& share : shares_) {
    Position since{};
    for (const auto& c : clients_) {
      if (c->plan().share == share.get()) since = std::max(since, c->subscribed_since());
    }
    for (const auto& [id, sent] : ledger_.all()) {
      if (sent.stored.empty() || sent.stored.front() < std::max(since, hub_->log().first()))
        continue;
      if (sent.qos == QoS::at_most_once || !mqtt::matches(share->filter, sent.topic)) continue;
      const auto found = share->members_of.find(id);
      require(found != share->members_of.end(), "a shared subscription is owed " + id);
      const bool exactly = std::min(sent.qos, share->qos) == QoS::exactly_once ||
                           (!options_.crashes && sent.stored.size() == 1);
      require(!exactly || found->second.size() == 1, "one member gets it: " + id);
    }
  }
}

// A client that comes now is given the last message of each MQTT topic.
void Run::check_retained() {
  ClientPlan late;
  late.persistent = false;
  late.filters = {{"r/#", QoS::at_least_once}};
  add(std::move(late));
  rest();
  for (const std::string& topic : kTopics) {
    const Sent* last = ledger_.retained(topic);
    if (last == nullptr) continue;
    require(
        clients_.back()->inbox().retained().contains(last->id),
        "the last message of a topic is retained: " + last->id
    );
  }
}

}  // namespace runnel::simulation
