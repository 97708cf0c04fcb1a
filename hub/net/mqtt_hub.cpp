#include "hub/net/mqtt_hub.h"

#include <boost/asio/post.hpp>

namespace runnel::net {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kTick{250};

}  // namespace

MqttHub::MqttHub(
    asio::io_context& io,
    runtime::LogClient& client,
    const log::Log& log,
    const Clock& clock,
    const broker::Limits& limits,
    const core::Routes* routes
)
    : io_(io),
      client_(client),
      log_(log),
      clock_(clock),
      broker_(log, limits, routes, *this, clock.now()),
      timer_(io) {}

Result<void> MqttHub::load() {
  Result<void> loaded;
  turn([&](broker::Turn& t) { loaded = broker_.load(t); });
  return loaded;
}

void MqttHub::start() {
  turn([this](broker::Turn& t) { broker_.tick(t); });
  tick();
}

void MqttHub::tick() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    turn([this](broker::Turn& t) { broker_.tick(t); });
    tick();
  });
}

void MqttHub::turn(const std::function<void(broker::Turn&)>& work) {
  bool more = false;
  {
    auto filling = client_.fill();
    broker::Turn t{*filling, client_.limits().group_bytes_max, clock_.now(), clock_.wall_ms(), log_.hub_ms()};
    work(t);
    more = broker_.run(t);
    broker_.end(t);
  }
  flush();
  if (more && !more_posted_) {
    more_posted_ = true;
    asio::post(io_, [this] {
      more_posted_ = false;
      turn([](broker::Turn&) {});
    });
  }
}

void MqttHub::committed(const log::Group& group) {
  turn([&](broker::Turn& t) { broker_.committed(group, t); });
}

void MqttHub::read(Position position) {
  client_.read_block(position, [this, position](Result<log::BlockPtr> block) {
    turn([&](broker::Turn& t) { broker_.block_read(position, std::move(block), t); });
  });
}

std::unique_ptr<broker::Connection> MqttHub::open(Wire& wire, std::string peer) {
  auto connection = broker_.open(&wire, std::move(peer), clock_.now());
  if (connection != nullptr) wires_.insert(wire.shared_from_this());
  return connection;
}

void MqttHub::closed(Wire& wire, std::unique_ptr<broker::Connection> connection) {
  const auto keep = wire.shared_from_this();
  wires_.erase(keep);
  turn([&](broker::Turn& t) {
    connection->closed(t);
    connection.reset();
  });
}

// Writing may end connections, whose wills and takeovers give others something to write: those are
// sent by the outermost call.
void MqttHub::flush() {
  if (flushing_) return;
  flushing_ = true;
  for (;;) {
    const auto ready = broker_.take_ready();
    const auto resumed = broker_.take_resumed();
    if (ready.empty() && resumed.empty()) break;
    std::vector<std::shared_ptr<Wire>> to_flush;
    std::vector<std::shared_ptr<Wire>> to_resume;
    for (broker::Connection* c : ready) {
      to_flush.push_back(static_cast<Wire*>(c->owner())->shared_from_this());
    }
    for (broker::Connection* c : resumed) {
      to_resume.push_back(static_cast<Wire*>(c->owner())->shared_from_this());
    }
    for (const auto& wire : to_flush) wire->flush();
    for (const auto& wire : to_resume) wire->resume();
  }
  flushing_ = false;
}

void MqttHub::shut_down() {
  timer_.cancel();
  turn([this](broker::Turn& t) { broker_.shut_down(t); });
  const auto wires = wires_;
  for (const auto& wire : wires) wire->abandon();
}

}  // namespace runnel::net
