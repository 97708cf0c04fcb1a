// The examples that the two specifications have for CONNECT, and the exact bytes of CONNACK.
#include <gtest/gtest.h>

#include "hub/mqtt/codec.h"
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

// The variable header of MQTT 5.0 figure 3-6, with the payload that its flags ask for.
TEST(CodecConnect, ReadsTheExampleOfMqtt5) {
  const Bytes body = bytes(
                         {0x00,
                          0x04,
                          'M',
                          'Q',
                          'T',
                          'T',
                          0x05,
                          0xce,
                          0x00,
                          0x0a,  //
                          0x05,
                          0x11,
                          0x00,
                          0x00,
                          0x00,
                          0x0a}
                     ) +
                     str("client") + bytes({0x00}) + str("will/topic") + str("gone") + str("user") +
                     str("secret");
  const Decoded<Connect> connect = decode_connect(body);
  ASSERT_TRUE(connect) << static_cast<int>(connect.error());
  EXPECT_EQ(announced_version(body), Version::v5);
  EXPECT_EQ(connect->version, Version::v5);
  EXPECT_TRUE(connect->clean_start);
  EXPECT_EQ(connect->keep_alive_s, 10);
  EXPECT_EQ(connect->session_expiry_s, 10U);
  EXPECT_EQ(connect->client_id, "client");
  ASSERT_TRUE(connect->will);
  EXPECT_EQ(connect->will->topic, "will/topic");
  EXPECT_EQ(connect->will->payload, "gone");
  EXPECT_EQ(connect->will->qos, QoS::at_least_once);
  EXPECT_FALSE(connect->will->retain);
  EXPECT_EQ(connect->user_name, "user");
  EXPECT_EQ(connect->password, "secret");
  Bytes out;
  encode(*connect, out);
  EXPECT_EQ(out, bytes({0x10, static_cast<int>(body.size())}) + body);
}

// 3.1.1 figure 3.6: the same without properties.
TEST(CodecConnect, ReadsTheExampleOfMqtt311) {
  const Bytes body = bytes({0x00, 0x04, 'M', 'Q', 'T', 'T', 0x04, 0xce, 0x00, 0x0a}) +
                     str("client") + str("will/topic") + str("gone") + str("user") + str("secret");
  const Decoded<Connect> connect = decode_connect(body);
  ASSERT_TRUE(connect) << static_cast<int>(connect.error());
  EXPECT_EQ(connect->version, Version::v3_1_1);
  EXPECT_EQ(announced_version(body), Version::v3_1_1);
  EXPECT_EQ(connect->keep_alive_s, 10);
  EXPECT_EQ(connect->session_expiry_s, 0U);
  EXPECT_EQ(connect->will->payload, "gone");
  EXPECT_EQ(connect->password, "secret");
  Bytes out;
  encode(*connect, out);
  EXPECT_EQ(out, bytes({0x10, static_cast<int>(body.size())}) + body);
}

TEST(CodecConnect, KeepsASessionForEverIf311DoesNotAskForACleanOne) {
  const Bytes start = str("MQTT") + bytes({0x04, 0x00, 0x00, 0x3c});
  const Bytes named = start + str("a");
  const Decoded<Connect> connect = decode_connect(named);
  ASSERT_TRUE(connect);
  EXPECT_FALSE(connect->clean_start);
  EXPECT_EQ(connect->session_expiry_s, 0xffffffffU);
  // An empty client id with clean_session 0 is for the broker to refuse.
  const Bytes unnamed = start + str("");
  EXPECT_TRUE(decode_connect(unnamed));
}

TEST(CodecConnect, HasTheDefaultsOfTheSpecification) {
  const Bytes body = str("MQTT") + bytes({0x05, 0x00, 0x00, 0x00, 0x00}) + str("");
  const Decoded<Connect> connect = decode_connect(body);
  ASSERT_TRUE(connect);
  Connect expected;
  expected.clean_start = false;
  EXPECT_EQ(*connect, expected);
  EXPECT_EQ(connect->session_expiry_s, 0U);
  EXPECT_EQ(connect->receive_maximum, 65535);
  EXPECT_EQ(connect->maximum_packet_bytes, std::nullopt);
  EXPECT_EQ(connect->topic_alias_maximum, 0);
  EXPECT_FALSE(connect->request_response_information);
  EXPECT_TRUE(connect->request_problem_information);
}

TEST(CodecConnect, IsWrittenWithoutItsDefaults) {
  Bytes out;
  encode(Connect{}, out);
  EXPECT_EQ(out, bytes({0x10, 0x0d}) + str("MQTT") + bytes({0x05, 0x02, 0, 0, 0}) + str(""));
}

TEST(CodecConnect, Of5MayHaveAPasswordWithoutAUserName) {
  const Bytes flags_and_keep_alive = bytes({0x42, 0x00, 0x00});
  const Bytes v5 =
      str("MQTT") + bytes({0x05}) + flags_and_keep_alive + bytes({0x00}) + str("c") + str("token");
  const Decoded<Connect> connect = decode_connect(v5);
  ASSERT_TRUE(connect);
  EXPECT_EQ(connect->password, "token");
  EXPECT_EQ(connect->user_name, std::nullopt);
  const Bytes v4 = str("MQTT") + bytes({0x04}) + flags_and_keep_alive + str("c") + str("token");
  EXPECT_EQ(reason_of(decode_connect(v4)), Reason::malformed_packet);
}

TEST(CodecConnect, OfAnotherProtocolIsToldSo) {
  const Bytes rest = bytes({0x02, 0x00, 0x3c}) + str("c");
  for (const Bytes& protocol :
       {str("MQIsdp") + bytes({0x03}),
        str("MQTT") + bytes({0x03}),
        str("MQTT") + bytes({0x06}),
        str("MQTT") + bytes({0x84}),
        str("mqtt") + bytes({0x04}),
        str("") + bytes({0x04})}) {
    EXPECT_EQ(reason_of(decode_connect(protocol + rest)), Reason::unsupported_protocol_version);
    EXPECT_EQ(announced_version(protocol + rest), std::nullopt);
  }
  EXPECT_EQ(announced_version(str("MQTT")), std::nullopt);
}

TEST(CodecConnack, SaysItsReasonInTheCodesOf311) {
  const std::pair<Reason, int> kCodes[] = {
      {Reason::success, 0},
      {Reason::unsupported_protocol_version, 1},
      {Reason::client_identifier_not_valid, 2},
      {Reason::server_unavailable, 3},
      {Reason::server_busy, 3},
      {Reason::quota_exceeded, 3},
      {Reason::bad_user_name_or_password, 4},
      {Reason::not_authorized, 5},
      {Reason::banned, 5},
  };
  for (const auto& [reason, code] : kCodes) {
    Connack connack;
    connack.reason = reason;
    connack.topic_alias_maximum = 3;
    EXPECT_EQ(encoded(connack, Version::v3_1_1), bytes({0x20, 0x02, 0x00, code}));
    EXPECT_EQ(
        encoded(connack, Version::v5),
        bytes({0x20, 0x06, 0x00, static_cast<int>(reason), 0x03, 0x22, 0x00, 0x03})
    );
  }
}

TEST(CodecConnack, IsNotSentTo311WithAReasonItHasNoCodeFor) {
  for (const Reason reason :
       {Reason::malformed_packet,
        Reason::protocol_error,
        Reason::packet_too_large,
        Reason::topic_name_invalid}) {
    Connack connack;
    connack.reason = reason;
    EXPECT_EQ(encoded(connack, Version::v3_1_1), "");
    EXPECT_EQ(encoded(connack, Version::v5).size(), 5U);
  }
}

TEST(CodecConnack, HasASessionOnlyWithSuccess) {
  Connack connack;
  connack.session_present = true;
  for (const Version version : kBoth) EXPECT_EQ(encoded(connack, version)[2], 1);
  connack.reason = Reason::not_authorized;
  for (const Version version : kBoth) EXPECT_EQ(encoded(connack, version)[2], 0);
}

}  // namespace
}  // namespace runnel::mqtt
