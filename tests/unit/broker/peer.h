// A client for tests that say byte by byte what happens: packets in, packets out, over a simulated
// hub.
#pragma once

#include <string>
#include <vector>

#include "hub/mqtt/codec.h"
#include "tests/simulation/hub.h"

namespace runnel::broker {

class Peer {
 public:
  // A packet from the hub, in words: "CONNACK present", "PUBLISH 3 q1 dup a/b", "PUBREL 3", …
  using Words = std::vector<std::string>;

  Peer(simulation::Hub& hub, std::string id) : hub_(hub), connect_{} {
    id_ = std::move(id);
    connect_.client_id = id_;
    connect_.clean_start = false;
    connect_.session_expiry_s = 3600;
  }

  // What the next connections say; v5, and a session that lasts, unless changed.
  [[nodiscard]] mqtt::Connect& says() { return connect_; }

  void connect() {
    link_ = hub_.connect();
    mqtt::Connect packet = connect_;
    packet.client_id = id_;
    mqtt::encode(packet, link_->to_hub);
    flush();
  }

  void subscribe(std::string_view filter, mqtt::QoS qos, mqtt::UserProperties user = {}) {
    mqtt::Subscribe packet;
    packet.packet_id = 900;
    packet.user = std::move(user);
    packet.entries.push_back({filter, qos});
    mqtt::encode(packet, connect_.version, link_->to_hub);
    flush();
  }

  void unsubscribe(std::string_view filter) {
    mqtt::Unsubscribe packet;
    packet.packet_id = 901;
    packet.filters.push_back(filter);
    mqtt::encode(packet, connect_.version, link_->to_hub);
    flush();
  }

  void publish(
      std::string_view topic,
      mqtt::QoS qos,
      std::string_view payload,
      mqtt::PacketId id,
      bool retain = false
  ) {
    mqtt::Publish packet;
    packet.topic = topic;
    packet.qos = qos;
    packet.payload = payload;
    packet.packet_id = id;
    packet.retain = retain;
    mqtt::encode(packet, connect_.version, link_->to_hub);
    flush();
  }

  void acknowledge(mqtt::PacketType type, mqtt::PacketId id) {
    mqtt::Ack packet;
    packet.type = type;
    packet.packet_id = id;
    mqtt::encode(packet, connect_.version, link_->to_hub);
    flush();
  }

  // The network goes away, and the hub sees it.
  void drop() {
    link_->cut = true;
    hub_.notice_cut(*link_);
    link_.reset();
  }

  // All that has come since the last call.
  Words take() {
    Words out;
    const Bytes bytes = std::exchange(link_->to_client, {});
    hub_.client_read(*link_);
    for (std::size_t at = 0; at < bytes.size();) {
      const auto header = mqtt::decode_fixed_header(ByteView(bytes).substr(at));
      sizes.push_back((*header)->packet_bytes());
      out.push_back(word(
          **header, ByteView(bytes).substr(at + (*header)->header_bytes, (*header)->body_bytes)
      ));
      at += (*header)->packet_bytes();
    }
    return out;
  }

  [[nodiscard]] bool closed() const { return link_->connection == nullptr; }

  std::vector<std::size_t> sizes;  // of all packets that have come
  // Of the newest SUBACK, in words: "0x1 hub.from=earliest …", or reason and reason string.
  mutable std::string suback;

 private:
  void flush() { hub_.receive(*link_, link_->to_hub.size()); }

  [[nodiscard]] std::string word(const mqtt::FixedHeader& header, ByteView body) const {
    switch (header.type) {
      case mqtt::PacketType::connack:
        return mqtt::decode_connack(body, connect_.version)->session_present ? "CONNACK present"
                                                                             : "CONNACK";
      case mqtt::PacketType::suback:
        suback = words_of(*mqtt::decode_subscription_ack(header.type, body, connect_.version));
        return "SUBACK";
      case mqtt::PacketType::disconnect:
        return "DISCONNECT";
      case mqtt::PacketType::publish: {
        mqtt::Publish p;
        mqtt::decode_publish(header.flags, body, connect_.version, p, mqtt::Sender::server);
        return "PUBLISH " + std::to_string(p.packet_id) + " q" +
               std::to_string(static_cast<int>(p.qos)) + (p.dup ? " dup " : " ") +
               std::string(p.payload.substr(0, p.payload.find('|'))) + mark_of(p);
      }
      default:
        break;
    }
    const auto ack = mqtt::decode_ack(header.type, body, connect_.version);
    static constexpr const char* kNames[] = {"PUBACK ", "PUBREC ", "PUBREL ", "PUBCOMP "};
    return kNames[static_cast<int>(header.type) - 4] + std::to_string(ack->packet_id);
  }

  static std::string words_of(const mqtt::SubscriptionAck& ack) {
    std::string out;
    for (const mqtt::Reason reason : ack.reasons) {
      out += (out.empty() ? "" : " ") + std::to_string(static_cast<int>(reason));
    }
    for (const auto& [name, value] : ack.user) out += " " + std::string(name) + "=" + std::string(value);
    if (ack.reason_string) out += " '" + std::string(*ack.reason_string) + "'";
    return out;
  }

  // Of a replayed message: " @topic/partition:offset".
  static std::string mark_of(const mqtt::Publish& packet) {
    const auto& user = packet.properties.user;
    if (user.size() < 6 || user[0] != mqtt::UserProperty("hub.replay", "1")) return {};
    return " @" + std::string(user[1].second) + "/" + std::string(user[2].second) + ":" +
           std::string(user[3].second);
  }

  simulation::Hub& hub_;
  std::string id_;
  mqtt::Connect connect_;
  simulation::LinkPtr link_;
};

}  // namespace runnel::broker
