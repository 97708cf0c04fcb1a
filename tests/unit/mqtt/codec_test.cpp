// The examples of the two specifications, and the exact bytes of what we send.
#include "hub/mqtt/codec.h"

#include <gtest/gtest.h>

#include "tests/unit/mqtt/wire_bytes.h"

namespace runnel::mqtt {
namespace {

constexpr Version kBoth[] = {Version::v3_1_1, Version::v5};

template <class Packet>
Bytes encoded(const Packet& packet, Version version) {
  Bytes out = "before";
  encode(packet, version, out);
  EXPECT_TRUE(out.starts_with("before"));
  return out.substr(6);
}

// MQTT 5.0 §3.3.2.4: topic a/b, packet identifier 10, no properties.
TEST(CodecPublish, ReadsAndWritesTheExample) {
  const Bytes v5 = bytes({0x32, 0x0a, 0x00, 0x03, 'a', '/', 'b', 0x00, 0x0a, 0x00, 'h', 'i'});
  const Bytes v4 = bytes({0x32, 0x09, 0x00, 0x03, 'a', '/', 'b', 0x00, 0x0a, 'h', 'i'});
  for (const Version version : kBoth) {
    const Bytes& packet = version == Version::v5 ? v5 : v4;
    Publish publish;
    ASSERT_EQ(decode_publish(2, ByteView(packet).substr(2), version, publish), Reason::success);
    EXPECT_EQ(publish.topic, "a/b");
    EXPECT_EQ(publish.packet_id, 10);
    EXPECT_EQ(publish.qos, QoS::at_least_once);
    EXPECT_EQ(publish.payload, "hi");
    EXPECT_EQ(encoded(publish, version), packet);
    EXPECT_EQ(encoded_bytes(publish, version), packet.size());
  }
}

TEST(CodecPublish, IsFilledInPlaceWithNothingLeftOfTheLast) {
  Publish publish;
  const Bytes full = bytes({0x00, 0x01, 't',  0x00, 0x07, 0x0e, 0x23, 0x00, 0x02, 0x01, 0x01,  //
                            0x0b, 0x05, 0x26, 0x00, 0x01, 'n',  0x00, 0x01, 'v',  'x'});
  ASSERT_EQ(decode_publish(0x0d, full, Version::v5, publish, Sender::server), Reason::success);
  EXPECT_TRUE(publish.dup && publish.retain);
  EXPECT_EQ(publish.qos, QoS::exactly_once);
  EXPECT_EQ(publish.topic_alias, 2);
  EXPECT_EQ(publish.subscription_ids, std::vector<std::uint32_t>{5});
  EXPECT_EQ(publish.properties.user, (UserProperties{{"n", "v"}}));
  EXPECT_EQ(publish.payload, "x");
  const Bytes small = str("u");
  ASSERT_EQ(decode_publish(0x00, small, Version::v3_1_1, publish), Reason::success);
  Publish expected;
  expected.topic = "u";
  EXPECT_EQ(publish, expected);
}

TEST(CodecPublish, KeepsUserPropertiesInOrderAndRepeated) {
  Publish publish;
  publish.topic = "t";
  publish.properties.user = {{"b", "1"}, {"a", "2"}, {"b", "3"}, {"", ""}};
  const Bytes out = encoded(publish, Version::v5);
  Publish again;
  ASSERT_EQ(decode_publish(0, ByteView(out).substr(2), Version::v5, again), Reason::success);
  EXPECT_EQ(again.properties.user, publish.properties.user);
}

TEST(CodecPublish, MayLeaveItsTopicToTheAlias) {
  const Bytes body = bytes({0x00, 0x00, 0x03, 0x23, 0x00, 0x01}) + "p";
  Publish publish;
  ASSERT_EQ(decode_publish(0, body, Version::v5, publish), Reason::success);
  EXPECT_TRUE(publish.topic.empty());
  EXPECT_EQ(publish.topic_alias, 1);
}

TEST(CodecAcks, OfSuccessHaveTwoBytes) {
  const std::pair<PacketType, int> kinds[] = {
      {PacketType::puback, 0x40},
      {PacketType::pubrec, 0x50},
      {PacketType::pubrel, 0x62},
      {PacketType::pubcomp, 0x70},
  };
  for (const auto& [type, first] : kinds) {
    for (const Version version : kBoth) {
      Ack ack;
      ack.type = type;
      ack.packet_id = 0x1234;
      EXPECT_EQ(encoded(ack, version), bytes({first, 0x02, 0x12, 0x34}));
      const Bytes body = bytes({0x12, 0x34});
      const Decoded<Ack> decoded = decode_ack(type, body, version);
      ASSERT_TRUE(decoded);
      EXPECT_EQ(*decoded, ack);
    }
  }
}

TEST(CodecAcks, HaveAReasonOnlyIn5) {
  Ack ack;
  ack.packet_id = 1;
  ack.reason = Reason::quota_exceeded;
  EXPECT_EQ(encoded(ack, Version::v5), bytes({0x40, 0x03, 0x00, 0x01, 0x97}));
  EXPECT_EQ(encoded(ack, Version::v3_1_1), bytes({0x40, 0x02, 0x00, 0x01}));
  ack.reason_string = "full";
  EXPECT_EQ(
      encoded(ack, Version::v5), bytes({0x40, 0x0b, 0x00, 0x01, 0x97, 0x07, 0x1f}) + str("full")
  );
  // A reason without a property length (§3.4.2.2.1), and success said in so many words.
  for (const Bytes& body : {bytes({0, 1, 0x10}), bytes({0, 1, 0x10, 0})}) {
    const Decoded<Ack> decoded = decode_ack(PacketType::puback, body, Version::v5);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->reason, Reason::no_matching_subscribers);
  }
  EXPECT_TRUE(decode_ack(PacketType::puback, bytes({0, 1, 0}), Version::v5));
}

// MQTT 5.0 figures 3-18 to 3-21: packet identifier 10, a/b with QoS 1, c/d with QoS 2.
TEST(CodecSubscribe, ReadsAndWritesTheExample) {
  const Bytes entries = str("a/b") + bytes({0x01}) + str("c/d") + bytes({0x02});
  for (const Version version : kBoth) {
    const Bytes body =
        bytes({0x00, 0x0a}) + (version == Version::v5 ? bytes({0x00}) : "") + entries;
    const Decoded<Subscribe> subscribe = decode_subscribe(body, version);
    ASSERT_TRUE(subscribe);
    EXPECT_EQ(subscribe->packet_id, 10);
    ASSERT_EQ(subscribe->entries.size(), 2U);
    EXPECT_EQ(subscribe->entries[0].filter, "a/b");
    EXPECT_EQ(subscribe->entries[0].qos, QoS::at_least_once);
    EXPECT_EQ(subscribe->entries[1].filter, "c/d");
    EXPECT_EQ(subscribe->entries[1].qos, QoS::exactly_once);
    EXPECT_EQ(encoded(*subscribe, version), bytes({0x82, static_cast<int>(body.size())}) + body);
  }
}

TEST(CodecSubscribe, ReadsTheOptionsOf5) {
  const Bytes body = bytes({0x00, 0x01, 0x03, 0x0b, 0x80, 0x01}) + str("a") + bytes({0x2e});
  const Decoded<Subscribe> subscribe = decode_subscribe(body, Version::v5);
  ASSERT_TRUE(subscribe);
  EXPECT_EQ(subscribe->subscription_id, 128U);
  const SubscribeEntry expected{
      .filter = "a",
      .qos = QoS::exactly_once,
      .no_local = true,
      .retain_as_published = true,
      .retain_handling = 2,
  };
  EXPECT_EQ(subscribe->entries.at(0), expected);
  // 3.1.1 can only ask for a QoS.
  EXPECT_EQ(
      encoded(*subscribe, Version::v3_1_1),
      bytes({0x82, 0x06, 0x00, 0x01}) + str("a") + bytes({0x02})
  );
}

TEST(CodecSubscribe, LeavesAnInvalidFilterToTheBroker) {
  const Bytes body =
      bytes({0x00, 0x01, 0x00}) + str("a#") + bytes({0x00}) + str("") + bytes({0x00});
  const Decoded<Subscribe> subscribe = decode_subscribe(body, Version::v5);
  ASSERT_TRUE(subscribe);
  EXPECT_EQ(subscribe->entries.at(0).filter, "a#");
  EXPECT_EQ(subscribe->entries.at(1).filter, "");
}

// MQTT 5.0 figure 3.30: a/b and c/d.
TEST(CodecUnsubscribe, ReadsAndWritesTheExample) {
  for (const Version version : kBoth) {
    const Bytes body = bytes({0x00, 0x0a}) + (version == Version::v5 ? bytes({0x00}) : "") +
                       str("a/b") + str("c/d");
    const Decoded<Unsubscribe> unsubscribe = decode_unsubscribe(body, version);
    ASSERT_TRUE(unsubscribe);
    EXPECT_EQ(unsubscribe->filters, (std::vector<std::string_view>{"a/b", "c/d"}));
    EXPECT_EQ(encoded(*unsubscribe, version), bytes({0xa2, static_cast<int>(body.size())}) + body);
  }
}

TEST(CodecSuback, SaysAnyFailureAs0x80In311) {
  SubscriptionAck ack;
  ack.packet_id = 10;
  ack.reasons = {
      Reason::granted_qos_1,
      Reason::topic_filter_invalid,
      Reason::success,
      Reason::granted_qos_2,
      Reason::quota_exceeded};
  ack.reason_string = "r";
  EXPECT_EQ(
      encoded(ack, Version::v3_1_1), bytes({0x90, 0x07, 0x00, 0x0a, 0x01, 0x80, 0x00, 0x02, 0x80})
  );
  EXPECT_EQ(
      encoded(ack, Version::v5),
      bytes({0x90, 0x0c, 0x00, 0x0a, 0x04, 0x1f, 0x00, 0x01, 'r', 0x01, 0x8f, 0x00, 0x02, 0x97})
  );
}

TEST(CodecUnsuback, HasNoPayloadIn311) {
  SubscriptionAck ack;
  ack.type = PacketType::unsuback;
  ack.packet_id = 10;
  ack.reasons = {Reason::success, Reason::no_subscription_existed};
  EXPECT_EQ(encoded(ack, Version::v3_1_1), bytes({0xb0, 0x02, 0x00, 0x0a}));
  EXPECT_EQ(encoded(ack, Version::v5), bytes({0xb0, 0x05, 0x00, 0x0a, 0x00, 0x00, 0x11}));
}

// MQTT 5.0 figure 3-24.
TEST(CodecDisconnect, ReadsTheExample) {
  const Bytes body = bytes({0x00, 0x05, 0x11, 0x00, 0x00, 0x00, 0x00});
  const Decoded<Disconnect> disconnect = decode_disconnect(body, Version::v5);
  ASSERT_TRUE(disconnect);
  EXPECT_EQ(disconnect->reason, Reason::success);
  EXPECT_EQ(disconnect->session_expiry_s, 0U);
  EXPECT_EQ(encoded(*disconnect, Version::v5), bytes({0xe0, 0x07}) + body);
  EXPECT_EQ(encoded(*disconnect, Version::v3_1_1), bytes({0xe0, 0x00}));
}

TEST(CodecDisconnect, LeavesOutWhatItMay) {
  Disconnect disconnect;
  EXPECT_EQ(encoded(disconnect, Version::v5), bytes({0xe0, 0x00}));
  disconnect.reason = Reason::session_taken_over;
  EXPECT_EQ(encoded(disconnect, Version::v5), bytes({0xe0, 0x01, 0x8e}));
  for (const Version version : kBoth) EXPECT_TRUE(decode_disconnect("", version));
  const Decoded<Disconnect> with_will = decode_disconnect(bytes({0x04}), Version::v5);
  ASSERT_TRUE(with_will);
  EXPECT_EQ(with_will->reason, Reason::disconnect_with_will);
}

TEST(CodecAuth, LeavesOutEverythingOrNothing) {
  Auth auth;
  Bytes out;
  encode(auth, out);
  EXPECT_EQ(out, bytes({0xf0, 0x00}));
  EXPECT_TRUE(decode_auth(""));
  auth.reason = Reason::continue_authentication;
  auth.authentication_method = "M";
  out.clear();
  encode(auth, out);
  EXPECT_EQ(out, bytes({0xf0, 0x06, 0x18, 0x04, 0x15, 0x00, 0x01, 'M'}));
}

TEST(CodecPings, AreTwoBytes) {
  Bytes out;
  encode_pingreq(out);
  encode_pingresp(out);
  EXPECT_EQ(out, bytes({0xc0, 0x00, 0xd0, 0x00}));
}

TEST(EncodeDeathTest, StopsAtAStringThatNoLengthCanSay) {
  const Bytes longest(65535, 'x');
  const Bytes longer(65536, 'x');
  Publish publish;
  publish.topic = longest;
  EXPECT_EQ(encoded(publish, Version::v3_1_1).size(), 1U + 3U + 2U + 65535U);
  publish.topic = longer;
  Bytes out;
  EXPECT_DEATH(encode(publish, Version::v3_1_1, out), "broken invariant");
}

}  // namespace
}  // namespace runnel::mqtt
