// A script against the whole broker: bytes from four clients, commits, the passing of time, cut
// connections, restarts. Whatever clients do, the broker stays up, sends packets that a client can
// read, CONNACK before all others, and starts again with what it has written.
//
// Two bytes make one step: what to do (low four bits) with which client (high bits), and a number.
// Raw bytes of a packet follow the step that sends them.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <vector>

#include "hub/broker/broker.h"
#include "hub/core/topics.h"
#include "hub/mqtt/codec.h"
#include "storage/base/logger.h"
#include "tests/support/manual_clock.h"
#include "tests/support/mqtt_any_packet.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace runnel;
using mqtt::PacketType;
using mqtt::QoS;
using mqtt::Version;

constexpr std::size_t kClients = 4;
constexpr std::size_t kStepsMax = 400;

// One log for all inputs: what it costs to make one would be most of the work.
struct Disk {
  Disk() {
    logger::set_level(logger::Level::error);
    if (std::filesystem::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 0);
    dir.emplace();
    log::LogOptions options;
    options.dir = dir->path() / "data";
    options.generation_bytes = 512 << 10;
    options.limit_bytes = 3 << 20;
    auto opened = log::Log::open(options, clock);
    RUNNEL_CHECK(opened);
    log = std::move(*opened);
    RUNNEL_CHECK(topics.load(*log));
    log::Group group;
    topics.ensure({{std::string(core::kDefaultTopic), 2}}, group);
    RUNNEL_CHECK(log->commit(group) == Errc::ok);
    routes.emplace(std::vector<core::RouteSpec>{}, topics);
  }

  // What the last input left behind.
  void forget_state() {
    log::Group group;
    for (const ByteView kind : {"s/", "q/", "g/", "r/", "P"}) {
      RUNNEL_CHECK(log->each_state(kind, [&](ByteView name, ByteView) { group.erase_state(name); })
      );
    }
    RUNNEL_CHECK(log->commit(group) == Errc::ok);
  }

  test::ManualClock clock;
  std::optional<test::TempDir> dir;
  std::unique_ptr<log::Log> log;
  core::Topics topics;
  std::optional<core::Routes> routes;
};

Disk& disk() {
  static Disk one;
  return one;
}

struct Client {
  std::unique_ptr<broker::Connection> connection;
  bool greeted = false;
};

class World final : private broker::BlockReader {
 public:
  World() { start(); }

  ~World() override { stop(); }

  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void run(ByteView script) {
    ByteReader r(script);
    for (std::size_t steps = 0; r.left() >= 2 && steps < kStepsMax; ++steps) {
      const std::uint8_t what = r.u8();
      step(what & 0x0f, clients_[what >> 4 & 3], r.u8(), r);
    }
    for (int i = 0; i < 4; ++i) come_to_rest();
  }

 private:
  void step(unsigned what, Client& client, std::uint8_t number, ByteReader& r) {
    switch (what) {
      case 0:
        return send(client, r.take(std::min<std::size_t>(number, r.left())));
      case 1:
        return send(client, connect_packet(client, number));
      case 2:
        return send(client, subscribe_packet(client, number));
      case 3:
        return send(client, publish_packet(client, number));
      case 4:
        return send(client, ack_packet(client, number));
      case 5:
        return come_to_rest();
      case 6:
        return commit();
      case 7:
        return settle();
      case 8:
        return read();
      case 9:
        return close(client);
      case 10:
        return drain(client);
      case 11:
        return tick(std::chrono::milliseconds(number * 100));
      case 12:
        return stop(), start();
      case 13:
        return send(client, unsubscribe_packet(client, number));
      case 14:
        return turn([](core::Turn&) {});
      default:
        return tick(std::chrono::seconds(number));
    }
  }

  // --- packets that lead somewhere, with what varies in `number` ---
  Bytes connect_packet(const Client& client, std::uint8_t number) {
    mqtt::Connect packet;
    packet.version = (number & 1) != 0 ? Version::v5 : Version::v3_1_1;
    packet.clean_start = (number & 2) != 0;
    packet.session_expiry_s = (number & 4) != 0 ? 60 : 0;
    if (packet.version == Version::v3_1_1) packet.session_expiry_s = packet.clean_start ? 0 : ~0U;
    const auto index = static_cast<std::size_t>(&client - clients_.data());
    static constexpr std::array<std::string_view, kClients> kNames{"a", "b", "a", "d"};
    packet.client_id = kNames[index];
    if ((number & 8) != 0) {
      packet.will.emplace();
      packet.will->topic = "x/will";
      packet.will->payload = "gone";
      packet.will->qos = QoS::at_least_once;
      packet.will->retain = (number & 16) != 0;
    }
    if (packet.version == Version::v5) {
      packet.receive_maximum = (number & 32) != 0 ? 1 : 10;
      packet.topic_alias_maximum = 2;
      if ((number & 64) != 0) packet.maximum_packet_bytes = 60;
    }
    Bytes out;
    mqtt::encode(packet, out);
    return out;
  }

  static std::string_view filter(std::uint8_t number) {
    static constexpr std::array<std::string_view, 8> kFilters{
        "#", "x/+", "x/1", "$share/g/#", "$share/h/x/+", "+/will", "$SYS/#", "x/#"};
    return kFilters[number & 7];
  }

  static Bytes subscribe_packet(const Client& client, std::uint8_t number) {
    mqtt::Subscribe packet;
    packet.packet_id = number | 256;
    packet.entries.push_back({filter(number), static_cast<QoS>((number >> 3) % 3)});
    packet.entries.back().retain_handling = (number >> 5) % 3;
    return encoded(packet, client);
  }

  static Bytes unsubscribe_packet(const Client& client, std::uint8_t number) {
    mqtt::Unsubscribe packet;
    packet.packet_id = number | 256;
    packet.filters.push_back(filter(number));
    return encoded(packet, client);
  }

  static Bytes publish_packet(const Client& client, std::uint8_t number) {
    static const Bytes kLarge(3000, 'p');
    mqtt::Publish packet;
    packet.qos = static_cast<QoS>((number & 3) % 3);
    packet.dup = packet.qos != QoS::at_most_once && (number & 4) != 0;
    packet.retain = (number & 8) != 0;
    packet.topic = (number & 16) != 0 ? "x/1" : "x/2";
    packet.packet_id =
        packet.qos == QoS::at_most_once ? 0 : static_cast<mqtt::PacketId>(1 + (number >> 6));
    if ((number & 32) != 0) packet.payload = kLarge;
    return encoded(packet, client);
  }

  static Bytes ack_packet(const Client& client, std::uint8_t number) {
    static constexpr std::array<PacketType, 4> kTypes{
        PacketType::puback, PacketType::pubrec, PacketType::pubrel, PacketType::pubcomp};
    mqtt::Ack packet;
    packet.type = kTypes[number & 3];
    packet.packet_id = static_cast<mqtt::PacketId>(1 + (number >> 2 & 15));
    return encoded(packet, client);
  }

  template <class Packet>
  static Bytes encoded(const Packet& packet, const Client& client) {
    Bytes out;
    const Version v = client.connection != nullptr ? client.connection->version() : Version::v5;
    mqtt::encode(packet, v, out);
    return out;
  }

  // --- the hub ---
  void start() {
    Disk& d = disk();
    filling_ = std::make_unique<log::Group>();
    broker::Limits limits;
    limits.connections_max = 3;
    limits.receive_maximum = 5;
    limits.inflight_max = 4;
    limits.sessions_max = 3;
    limits.subscriptions_max = 4;
    limits.retained_bytes_max = 4000;
    limits.outbound_bytes_max = 5000;
    limits.block_cache_bytes_max = 4000;
    broker::BlockReader& reader = *this;
    broker_ = std::make_unique<broker::Broker>(*d.log, limits, &*d.routes, replicas_, reader, d.clock.now());
    turn([this](core::Turn& t) { RUNNEL_CHECK(broker_->load(t)); });
  }

  // As a crash: what is not committed is lost.
  void stop() {
    for (Client& c : clients_) close(c);
    replicas_ = {};
    broker_.reset();
    done_.clear();
    reads_.clear();
    seeks_.clear();
  }

  void turn(const std::function<void(core::Turn&)>& work) {
    Disk& d = disk();
    core::Turn t{*filling_, 8000, d.clock.now(), d.clock.wall_ms(), d.log->hub_ms()};
    work(t);
    broker_->run(t);
    broker_->end(t);
    for (core::Stream* s : broker_->take_ready()) {
      check_output(static_cast<broker::Connection&>(*s));
    }
    broker_->take_resumed();
  }

  void check_output(broker::Connection& connection) {
    Client& client = *static_cast<Client*>(connection.owner());
    const ByteView out = connection.out();
    std::size_t& seen = seen_[static_cast<std::size_t>(&client - clients_.data())];
    while (seen < out.size()) {
      const auto header = mqtt::decode_fixed_header(out.substr(seen));
      RUNNEL_CHECK(header && *header && (*header)->packet_bytes() <= out.size() - seen);
      const ByteView body = out.substr(seen + (*header)->header_bytes, (*header)->body_bytes);
      mqtt::AnyPacket packet;
      const auto reason =
          mqtt::decode_any(**header, body, connection.version(), mqtt::Sender::server, packet);
      RUNNEL_CHECK(reason == mqtt::Reason::success);
      const bool greeting = (*header)->type == PacketType::connack;
      RUNNEL_CHECK(greeting != client.greeted || (*header)->type == PacketType::disconnect);
      client.greeted = true;
      seen += (*header)->packet_bytes();
    }
    connection.set_unsent(0);
  }

  void send(Client& client, ByteView bytes) {
    if (client.connection == nullptr) {
      auto stream = broker_->open(&client, {"fuzz", {}, 0}, disk().clock.now());
      client.connection.reset(static_cast<broker::Connection*>(stream.release()));
      if (client.connection == nullptr) return;
    }
    if (client.connection->paused()) return;
    const Bytes copy(bytes);  // on the heap, where its end is guarded
    turn([&](core::Turn& t) { client.connection->receive(copy, t); });
    if (client.connection->closing()) close(client);
  }

  // The client has read all that there was.
  void drain(Client& client) {
    if (client.connection == nullptr) return;
    client.connection->out().clear();
    seen_[static_cast<std::size_t>(&client - clients_.data())] = 0;
    turn([&](core::Turn& t) { client.connection->drained(t); });
    if (client.connection->closing()) close(client);
  }

  void close(Client& client) {
    if (client.connection == nullptr) return;
    turn([&](core::Turn& t) {
      client.connection->closed(t);
      client.connection.reset();
    });
    client.greeted = false;
    seen_[static_cast<std::size_t>(&client - clients_.data())] = 0;
  }

  void commit() {
    if (filling_->empty()) return;
    done_.push_back(std::exchange(filling_, std::make_unique<log::Group>()));
    disk().log->commit(*done_.back());
  }

  void settle() {
    if (done_.empty()) return;
    const auto group = std::move(done_.front());
    done_.pop_front();
    turn([&](core::Turn& t) { broker_->committed(*group, t); });
  }

  void read() {
    if (!seeks_.empty()) {
      const Seek s = seeks_.front();
      seeks_.pop_front();
      auto found = s.partition ? disk().log->position_of(*s.partition, s.offset)
                               : disk().log->position_at(s.time_ms);
      return turn([&](core::Turn& t) { broker_->sought(s.ticket, std::move(found), t); });
    }
    if (reads_.empty()) return;
    const Position position = reads_.front();
    reads_.pop_front();
    turn([&](core::Turn& t) {
      broker_->block_read(position, disk().log->read_block(position), t);
    });
  }

  void tick(std::chrono::milliseconds later) {
    disk().clock.advance(later);
    turn([this](core::Turn& t) { broker_->tick(t); });
    for (Client& c : clients_) {
      if (c.connection != nullptr && c.connection->closing()) close(c);
    }
  }

  void come_to_rest() {
    commit();
    settle();
    read();
    for (Client& c : clients_) drain(c);
  }

  void read(Position position) override { reads_.push_back(position); }

  void seek(const Seek& seek) override { seeks_.push_back(seek); }

  [[nodiscard]] Position first() const override { return disk().log->first(); }

  [[nodiscard]] Position skip_damaged(Position position) const override {
    return disk().log->skip_damaged(position);
  }

  std::unique_ptr<log::Group> filling_;
  core::Replicas replicas_;
  std::unique_ptr<broker::Broker> broker_;
  std::deque<std::unique_ptr<log::Group>> done_;
  std::deque<Position> reads_;
  std::deque<Seek> seeks_;
  std::array<Client, kClients> clients_;
  std::array<std::size_t, kClients> seen_{};  // bytes of out() that were looked at
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  disk().forget_state();
  World().run({reinterpret_cast<const char*>(data), size});
  return 0;
}
