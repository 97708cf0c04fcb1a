// An MQTT client of a simulated run: it keeps to the specification, loses its connection at bad
// moments, and watches that the hub keeps its promises.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hub/mqtt/codec.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/hub.h"
#include "tests/simulation/inbox.h"

namespace runnel::simulation {

struct Wish {
  std::string filter;
  mqtt::QoS qos = mqtt::QoS::at_most_once;
};

struct ClientPlan {
  std::string id;
  mqtt::Version version = mqtt::Version::v5;
  bool persistent = true;
  std::uint16_t receive_maximum = 20;  // what it takes from the hub unacknowledged (v5)
  std::uint16_t topic_alias_maximum = 0;
  std::size_t window = 8;             // what it publishes unacknowledged
  std::vector<std::string> topics{};  // to publish to
  std::vector<Wish> filters{};
  Share* share = nullptr;  // the filters are one shared subscription
  bool live = false;       // it never loses its connection while the hub runs
  std::size_t padding_max = 100;
};

class Client {
 public:
  Client(ClientPlan plan, Hub& hub, Ledger& ledger, Dice& dice);

  // Things that a client may do; false when it cannot now.
  bool connect();
  bool subscribe();
  bool publish();
  bool read(std::size_t bytes);
  bool acknowledge(std::size_t packets);
  void drop();  // the network goes away
  void drop_inside_a_packet();
  void disconnect();  // says DISCONNECT

  [[nodiscard]] bool connected() const { return link_ != nullptr && greeted_; }

  [[nodiscard]] bool offline() const { return link_ == nullptr; }

  [[nodiscard]] const ClientPlan& plan() const { return plan_; }

  [[nodiscard]] const Inbox& inbox() const { return inbox_; }

  [[nodiscard]] bool settled() const { return out_.empty() && acks_.empty(); }

  [[nodiscard]] std::string describe() const;

  // From where on all its subscriptions are there.
  [[nodiscard]] Position subscribed_since() const;
  // At rest: everything that the session is owed has come.
  void check_owed() const;

 private:
  struct Out {
    mqtt::PacketId id;
    mqtt::QoS qos;
    std::string topic;
    std::string payload;
    std::string name;
    bool released = false;  // PUBREC came
  };

  struct Subscribed {
    Wish wish;
    mqtt::PacketId asked = 0;
    std::optional<Position> since{};  // the log's end when the SUBACK was read
  };

  void new_session();
  void lost();
  void handle(const mqtt::FixedHeader& header, ByteView body);
  void on_connack(ByteView body);
  void on_publish(std::uint8_t flags, ByteView body);
  void on_puback(const mqtt::Ack& ack);
  void on_pubrec(const mqtt::Ack& ack);
  void on_pubrel(const mqtt::Ack& ack);
  void on_pubcomp(const mqtt::Ack& ack);
  void on_suback(ByteView body);
  void send(const Out& out, bool dup);
  void send_ack(mqtt::PacketType type, mqtt::PacketId id);
  void queue_ack(mqtt::PacketType type, mqtt::PacketId id);
  void take_turn(std::deque<mqtt::PacketId>& expected, mqtt::PacketId id, const char* promise);
  mqtt::PacketId next_id();
  [[nodiscard]] std::optional<mqtt::QoS> owed_qos(const Sent& sent) const;

  ClientPlan plan_;
  Hub& hub_;
  Ledger& ledger_;
  Dice& dice_;
  std::uint64_t published_ = 0;

  // The session
  bool known_ = false;  // the hub has said that it has it
  Inbox inbox_;
  std::vector<Out> out_;
  std::set<mqtt::PacketId> held_;  // incoming QoS 2
  std::vector<Subscribed> subscribed_;
  mqtt::PacketId last_id_ = 0;

  // The connection
  LinkPtr link_;
  bool greeted_ = false;
  Bytes in_;
  std::deque<std::pair<mqtt::PacketType, mqtt::PacketId>> acks_;
  std::deque<mqtt::PacketId> pubacks_;  // expected, in this order
  std::deque<mqtt::PacketId> pubrecs_;
  std::vector<std::string> aliases_in_;
  std::vector<std::string> aliases_out_;
  std::uint16_t aliases_out_max_ = 0;
  std::size_t unacknowledged_ = 0;  // of the hub's publishes
};

}  // namespace runnel::simulation
