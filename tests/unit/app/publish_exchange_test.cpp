#include "hub/app/publish_exchange.h"

#include <gmock/gmock.h>

namespace runnel::app {
namespace {

using mqtt::PacketType;
using mqtt::QoS;
using mqtt::Reason;
using mqtt::Version;

// The hub's side, by hand.
Bytes connack(const mqtt::Connack& packet = {}) {
  Bytes out;
  mqtt::encode(packet, Version::v5, out);
  return out;
}

Bytes ack(PacketType type, mqtt::PacketId id, Reason reason = Reason::success) {
  mqtt::Ack packet;
  packet.type = type;
  packet.packet_id = id;
  packet.reason = reason;
  Bytes out;
  mqtt::encode(packet, Version::v5, out);
  return out;
}

// The types of the packets that are due, which are taken away.
std::vector<PacketType> sent(PublishExchange& exchange) {
  std::vector<PacketType> types;
  ByteView rest = exchange.output();
  while (!rest.empty()) {
    const auto header = mqtt::decode_fixed_header(rest);
    if (!header || !*header) break;
    types.push_back((*header)->type);
    rest.remove_prefix((*header)->packet_bytes());
  }
  exchange.output().clear();
  return types;
}

PublishExchange connected(QoS qos, const mqtt::Connack& packet = {}) {
  PublishExchange exchange({"a/b", qos, false});
  EXPECT_THAT(sent(exchange), testing::ElementsAre(PacketType::connect));
  exchange.receive(connack(packet));
  EXPECT_TRUE(exchange.connected());
  return exchange;
}

TEST(PublishExchange, AtQoS1WaitsForThePuback) {
  PublishExchange exchange = connected(QoS::at_least_once);
  exchange.publish("v");
  EXPECT_THAT(sent(exchange), testing::ElementsAre(PacketType::publish));
  EXPECT_FALSE(exchange.settled());
  EXPECT_EQ(exchange.published(), 0U);
  exchange.receive(ack(PacketType::puback, 1));
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(exchange.published(), 1U);
}

TEST(PublishExchange, AtQoS2ReleasesAndWaitsForThePubcomp) {
  PublishExchange exchange = connected(QoS::exactly_once);
  exchange.publish("v");
  EXPECT_THAT(sent(exchange), testing::ElementsAre(PacketType::publish));
  exchange.receive(ack(PacketType::pubrec, 1));
  EXPECT_THAT(sent(exchange), testing::ElementsAre(PacketType::pubrel));
  EXPECT_FALSE(exchange.settled());
  exchange.receive(ack(PacketType::pubcomp, 1));
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(exchange.published(), 1U);
}

TEST(PublishExchange, AtQoS0APingTellsThatTheHubHasReadIt) {
  PublishExchange exchange = connected(QoS::at_most_once);
  exchange.publish("v");
  exchange.ping();
  EXPECT_THAT(sent(exchange), testing::ElementsAre(PacketType::publish, PacketType::pingreq));
  EXPECT_FALSE(exchange.settled());
  Bytes pong;
  mqtt::encode_pingresp(pong);
  exchange.receive(pong);
  EXPECT_TRUE(exchange.settled());
}

TEST(PublishExchange, KeepsToTheHubsReceiveMaximum) {
  mqtt::Connack terms;
  terms.receive_maximum = 2;
  PublishExchange exchange = connected(QoS::at_least_once, terms);
  exchange.publish("1");
  EXPECT_TRUE(exchange.has_room());
  exchange.publish("2");
  EXPECT_FALSE(exchange.has_room());
  exchange.receive(ack(PacketType::puback, 2));
  EXPECT_TRUE(exchange.has_room());
}

TEST(PublishExchange, TakesPacketsInPiecesOfAnySize) {
  PublishExchange exchange({"a", QoS::at_least_once, false});
  for (const char c : connack()) exchange.receive(ByteView(&c, 1));
  ASSERT_TRUE(exchange.connected());
  exchange.publish("1");
  exchange.publish("2");
  exchange.receive(ack(PacketType::puback, 1) + ack(PacketType::puback, 2));
  EXPECT_TRUE(exchange.settled());
}

TEST(PublishExchange, PacketIdentifiersGoRoundAndAreNeverInUseTwice) {
  PublishExchange exchange = connected(QoS::at_least_once);
  exchange.publish("stays");
  for (std::uint32_t i = 0; i < 70'000; ++i) {
    exchange.publish("v");
    exchange.output().clear();
    const auto id = static_cast<mqtt::PacketId>(2 + i % 65534);
    exchange.receive(ack(PacketType::puback, id));
    ASSERT_FALSE(exchange.failure()) << i << ": " << *exchange.failure();
  }
  EXPECT_EQ(exchange.published(), 70'000U);
}

TEST(PublishExchange, ARefusalIsAFailureWithItsReason) {
  PublishExchange exchange = connected(QoS::at_least_once);
  exchange.publish("1");
  exchange.publish("2");
  exchange.receive(ack(PacketType::puback, 1) + ack(PacketType::puback, 2, Reason::quota_exceeded));
  EXPECT_EQ(exchange.published(), 1U);
  EXPECT_EQ(exchange.failure(), "the hub refused message 2: quota exceeded (0x97)");
}

TEST(PublishExchange, ARefusalAtPubrecIsAFailureToo) {
  PublishExchange exchange = connected(QoS::exactly_once);
  exchange.publish("1");
  exchange.receive(ack(PacketType::pubrec, 1, Reason::not_authorized));
  EXPECT_EQ(exchange.failure(), "the hub refused the message: not authorized (0x87)");
  EXPECT_EQ(exchange.published(), 0U);
}

TEST(PublishExchange, NoMatchingSubscribersIsASuccess) {
  PublishExchange exchange = connected(QoS::at_least_once);
  exchange.publish("1");
  exchange.receive(ack(PacketType::puback, 1, Reason::no_matching_subscribers));
  EXPECT_EQ(exchange.published(), 1U);
  EXPECT_FALSE(exchange.failure());
}

TEST(PublishExchange, ARefusedConnectionIsAFailure) {
  PublishExchange exchange({"a", QoS::at_least_once, false});
  mqtt::Connack refusal;
  refusal.reason = Reason::server_busy;
  refusal.reason_string = "20000 connections";
  exchange.receive(connack(refusal));
  EXPECT_FALSE(exchange.connected());
  EXPECT_EQ(
      exchange.failure(),
      "the hub refused the connection: server busy (0x89), \"20000 connections\""
  );
}

TEST(PublishExchange, WhatTheHubDoesNotTakeIsNotSent) {
  mqtt::Connack terms;
  terms.maximum_packet_bytes = 100;
  terms.maximum_qos = 1;
  PublishExchange exchange = connected(QoS::at_least_once, terms);
  exchange.publish(std::string(200, 'x'));
  EXPECT_THAT(sent(exchange), testing::IsEmpty());
  EXPECT_EQ(
      exchange.failure(), "a message of 200 bytes is too large: the hub takes packets of 100"
  );

  EXPECT_EQ(connected(QoS::exactly_once, terms).failure(), "the hub takes QoS 1 at most");
}

TEST(PublishExchange, ADisconnectIsAFailureWithItsReason) {
  PublishExchange exchange = connected(QoS::at_least_once);
  mqtt::Disconnect goodbye;
  goodbye.reason = Reason::server_shutting_down;
  Bytes bytes;
  mqtt::encode(goodbye, Version::v5, bytes);
  exchange.receive(bytes);
  EXPECT_EQ(exchange.failure(), "the hub closed the connection: server shutting down (0x8B)");
}

TEST(PublishExchange, WhatIsNotMqtt5IsAFailure) {
  for (const Bytes& answer :
       {Bytes("HTTP/1.1 400 Bad Request\r\n"),
        Bytes("\x20\x02\x00\x01", 4),
        connack() + connack(),
        connack() + ack(PacketType::puback, 9),
        Bytes("\x30\x03\x00\x01z", 5)}) {
    PublishExchange exchange({"a", QoS::at_least_once, false});
    exchange.receive(answer);
    EXPECT_TRUE(exchange.failure()) << answer;
  }
}

}  // namespace
}  // namespace runnel::app
