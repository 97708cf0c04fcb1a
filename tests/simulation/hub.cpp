#include "tests/simulation/hub.h"

#include <algorithm>

#include "tests/simulation/dice.h"

namespace runnel::simulation {

Hub::Hub(HubOptions options, Ledger& ledger) : options_(std::move(options)), ledger_(ledger) {
  start();
}

Hub::~Hub() {
  for (const LinkPtr& link : links_) close(*link);
}

void Hub::start() {
  ++lives_;
  auto opened = log::Log::open(options_.log, clock_);
  require(opened.has_value(), "the log opens");
  log_ = std::move(*opened);
  ledger_.compare(*log_);
  topics_ = {};
  require(topics_.load(*log_).has_value(), "topics load");
  log::Group group;
  topics_.ensure({{std::string(core::kDefaultTopic), 1}, {"many", options_.partitions}}, group);
  require(log_->commit(group) == Errc::ok, "topics are committed");
  routes_.emplace(std::vector<core::RouteSpec>{{"m/#", "many", "{topic}", std::nullopt}}, topics_);
  filling_ = std::make_unique<log::Group>();
  broker::BlockReader& reader = *this;
  broker_ =
      std::make_unique<broker::Broker>(*log_, options_.limits, &*routes_, replicas_, reader, clock_.now());
  turn([this](core::Turn& t) {
    require(broker_->load(t).has_value(), "sessions and retained messages load");
  });
}

core::Turn Hub::make_turn(log::Group& group) const {
  return {group, options_.group_bytes_max, clock_.now(), clock_.wall_ms(), log_->hub_ms()};
}

void Hub::turn(const std::function<void(core::Turn&)>& work) {
  core::Turn t = make_turn(*filling_);
  work(t);
  more_ = broker_->run(t);
  broker_->end(t);
  flush();
}

void Hub::flush() {
  if (flushing_) return;
  flushing_ = true;
  for (;;) {
    const auto ready = broker_->take_ready();
    if (ready.empty()) break;
    for (core::Stream* c : ready) {
      Link& link = *static_cast<Link*>(c->owner());
      link.to_client.append(c->out());
      c->out().clear();
      c->set_unsent(link.to_client.size());
      if (c->closing()) close(link);
    }
  }
  broker_->take_resumed();  // paused() is asked before every receive
  flushing_ = false;
}

void Hub::close(Link& link) {
  if (link.connection == nullptr) return;
  turn([&](core::Turn& t) {
    link.connection->closed(t);
    link.connection.reset();
  });
}

LinkPtr Hub::connect() {
  std::erase_if(links_, [](const LinkPtr& l) { return l->connection == nullptr; });
  auto link = std::make_shared<Link>();
  link->connection = broker_->open(link.get(), {"simulated", {}, 0}, clock_.now());
  link->life = lives_;
  require(link->connection != nullptr, "there is room for a connection");
  links_.push_back(link);
  return link;
}

bool Hub::receive(Link& link, std::size_t bytes) {
  if (link.connection == nullptr || link.to_hub.empty() || link.connection->paused()) return false;
  const Bytes piece = link.to_hub.substr(0, bytes);
  link.to_hub.erase(0, piece.size());
  turn([&](core::Turn& t) { link.connection->receive(piece, t); });
  return true;
}

bool Hub::notice_cut(Link& link) {
  if (!link.cut || link.connection == nullptr) return false;
  close(link);
  return true;
}

bool Hub::commit() {
  if (filling_->empty()) return false;
  auto group = std::exchange(filling_, std::make_unique<log::Group>());
  log_->commit(*group);
  ledger_.stored(group->outcome.blocks);
  const log::Log::Totals t = log_->totals();
  require(
      t.accepted == t.stored + t.expired + t.discarded, "accepted = stored + expired + discarded"
  );
  done_.push_back(std::move(group));
  return true;
}

bool Hub::settle() {
  if (done_.empty()) return false;
  const auto group = std::move(done_.front());
  done_.pop_front();
  turn([&](core::Turn& t) { broker_->committed(*group, t); });
  return true;
}

bool Hub::read() {
  if (!seeks_.empty()) {
    const Seek s = seeks_.front();
    seeks_.pop_front();
    auto found = s.partition ? log_->position_of(*s.partition, s.offset) : log_->position_at(s.time_ms);
    turn([&](core::Turn& t) { broker_->sought(s.ticket, std::move(found), t); });
    return true;
  }
  if (reads_.empty()) return false;
  const Position position = reads_.front();
  reads_.pop_front();
  turn([&](core::Turn& t) { broker_->block_read(position, log_->read_block(position), t); });
  return true;
}

bool Hub::run() {
  if (!more_) return false;
  turn([](core::Turn&) {});
  return true;
}

void Hub::tick(std::chrono::milliseconds later) {
  clock_.advance(later);
  turn([this](core::Turn& t) { broker_->tick(t); });
}

void Hub::client_read(Link& link) {
  if (link.connection == nullptr) return;
  link.connection->set_unsent(link.to_client.size());
  if (!link.to_client.empty()) return;
  turn([&](core::Turn& t) { link.connection->drained(t); });
}

void Hub::crash() {
  // Connections cannot outlive the broker: what closing them would write is thrown away.
  log::Group lost;
  core::Turn t = make_turn(lost);
  for (const LinkPtr& link : links_) {
    if (link->connection == nullptr) continue;
    link->connection->closed(t);
    link->connection.reset();
  }
  links_.clear();
  replicas_ = {};
  broker_.reset();
  filling_.reset();
  done_.clear();
  reads_.clear();
  seeks_.clear();
  more_ = false;
  log_.reset();
  start();
}

void Hub::put_state(ByteView name, ByteView value) {
  log::Group group;
  group.put_state(name, value);
  require(log_->commit(group) == Errc::ok, "state is committed");
}

void Hub::trim(PartitionId partition, Offset start) {
  log::Group group;
  group.trim(partition, start, log::TrimReason::deleted);
  require(log_->commit(group) == Errc::ok, "a trim is committed");
}

std::map<std::string, std::size_t> Hub::rows(const std::string& kind) const {
  std::map<std::string, std::size_t> sizes;
  const auto read =
      log_->each_state(kind, [&](ByteView name, ByteView row) { sizes.emplace(name, row.size()); });
  require(read.has_value(), "state can be read");
  return sizes;
}

}  // namespace runnel::simulation
