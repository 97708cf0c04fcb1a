// What each broken packet is refused with. Properties have tables of their own in
// property_test.cpp.
#include <gtest/gtest.h>

#include "hub/mqtt/codec.h"
#include "tests/support/mqtt_any_packet.h"
#include "tests/unit/mqtt/wire_bytes.h"

namespace runnel::mqtt {
namespace {

constexpr Version k3 = Version::v3_1_1;
constexpr Version k5 = Version::v5;
constexpr Reason kMalformed = Reason::malformed_packet;
constexpr Reason kProtocol = Reason::protocol_error;

struct Case {
  const char* what;
  PacketType type;
  Version version;
  Bytes body;
  Reason expected;
  Sender sender = Sender::client;
  std::uint8_t flags = 0;  // of a PUBLISH
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const FixedHeader header{
        .type = c.type,
        .flags = c.flags,
        .header_bytes = 2,
        .body_bytes = static_cast<std::uint32_t>(c.body.size()),
    };
    AnyPacket packet;
    const Exact body(c.body);
    EXPECT_EQ(decode_any(header, body.view(), c.version, c.sender, packet), c.expected) << c.what;
  }
}

Bytes connect(int level, int flags, const Bytes& rest) {
  return str("MQTT") + bytes({level, flags, 0, 60}) + rest;
}

TEST(CodecMalformed, Connect) {
  constexpr auto kType = PacketType::connect;
  const Bytes none = bytes({0});  // properties
  const Bytes bad = str("\xff");
  expect_all({
      {"as it should be", kType, k5, connect(5, 2, none + str("c")), Reason::success},
      {"empty", kType, k5, "", kMalformed},
      {"name cut off", kType, k5, bytes({0, 4, 'M', 'Q'}), kMalformed},
      {"no level", kType, k5, str("MQTT"), kMalformed},
      {"no flags", kType, k5, str("MQTT") + bytes({5}), kMalformed},
      {"no client id", kType, k5, connect(5, 2, none), kMalformed},
      {"no property length", kType, k5, connect(5, 2, ""), kMalformed},
      {"bytes left over in 5", kType, k5, connect(5, 2, none + str("c") + "x"), kMalformed},
      {"bytes left over in 3.1.1", kType, k3, connect(4, 2, str("c") + "x"), kMalformed},
      {"reserved flag in 5", kType, k5, connect(5, 3, none + str("c")), kMalformed},
      {"reserved flag in 3.1.1", kType, k3, connect(4, 3, str("c")), kMalformed},
      {"will QoS without will", kType, k5, connect(5, 0x0a, none + str("c")), kMalformed},
      {"will QoS 2 without will", kType, k3, connect(4, 0x12, str("c")), kMalformed},
      {"will retain without will", kType, k5, connect(5, 0x22, none + str("c")), kMalformed},
      {"will QoS 3 in 5",
       kType,
       k5,
       connect(5, 0x1e, none + str("c") + none + str("t") + str("")),
       kMalformed},
      {"will QoS 3 in 3.1.1",
       kType,
       k3,
       connect(4, 0x1e, str("c") + str("t") + str("")),
       kMalformed},
      {"password alone in 3.1.1", kType, k3, connect(4, 0x42, str("c") + str("p")), kMalformed},
      {"client id not UTF-8", kType, k5, connect(5, 2, none + bad), kMalformed},
      {"client id not UTF-8 in 3.1.1", kType, k3, connect(4, 2, bad), kMalformed},
      {"user name missing", kType, k5, connect(5, 0x82, none + str("c")), kMalformed},
      {"user name not UTF-8", kType, k5, connect(5, 0x82, none + str("c") + bad), kMalformed},
      {"password missing", kType, k5, connect(5, 0xc2, none + str("c") + str("u")), kMalformed},
      {"password is not text",
       kType,
       k5,
       connect(5, 0xc2, none + str("c") + str("u") + bad),
       Reason::success},
      {"will payload is not text",
       kType,
       k5,
       connect(5, 6, none + str("c") + none + str("t") + bad),
       Reason::success},
      {"will payload missing",
       kType,
       k5,
       connect(5, 6, none + str("c") + none + str("t")),
       kMalformed},
      {"will topic missing", kType, k5, connect(5, 6, none + str("c") + none), kMalformed},
      {"will properties missing", kType, k5, connect(5, 6, none + str("c")), kMalformed},
      {"will topic not UTF-8",
       kType,
       k5,
       connect(5, 6, none + str("c") + none + bad + str("")),
       kMalformed},
      {"will topic empty",
       kType,
       k5,
       connect(5, 6, none + str("c") + none + str("") + str("")),
       Reason::topic_name_invalid},
      {"will topic with a wildcard",
       kType,
       k3,
       connect(4, 6, str("c") + str("a/#") + str("")),
       Reason::topic_name_invalid},
      {"method without data",
       kType,
       k5,
       connect(5, 2, block(bytes({0x15}) + str("M")) + str("c")),
       Reason::success},
      {"data without method",
       kType,
       k5,
       connect(5, 2, block(bytes({0x16}) + str("D")) + str("c")),
       kProtocol},
  });
}

TEST(CodecMalformed, Connack) {
  constexpr auto kType = PacketType::connack;
  expect_all({
      {"as it should be in 5", kType, k5, bytes({1, 0, 0}), Reason::success},
      {"as it should be in 3.1.1", kType, k3, bytes({1, 0}), Reason::success},
      {"empty", kType, k3, "", kMalformed},
      {"no code", kType, k3, bytes({0}), kMalformed},
      {"no property length", kType, k5, bytes({0, 0}), kMalformed},
      {"bytes left over in 3.1.1", kType, k3, bytes({0, 0, 0}), kMalformed},
      {"bytes left over in 5", kType, k5, bytes({0, 0, 0, 0}), kMalformed},
      {"reserved flag", kType, k3, bytes({2, 0}), kMalformed},
      {"reserved flag with another", kType, k5, bytes({0x81, 0, 0}), kMalformed},
      {"return code 6", kType, k3, bytes({0, 6}), kMalformed},
      {"reason of another packet", kType, k5, bytes({0, 0x8e, 0}), kProtocol},
      {"reason that there is not", kType, k5, bytes({0, 0xff, 0}), kProtocol},
      {"session with a failure in 5", kType, k5, bytes({1, 0x87, 0}), kProtocol},
      {"session with a failure in 3.1.1", kType, k3, bytes({1, 5}), kMalformed},
  });
}

TEST(CodecMalformed, Publish) {
  constexpr auto kType = PacketType::publish;
  constexpr auto kClient = Sender::client;
  const Bytes none = bytes({0});
  expect_all({
      {"as it should be", kType, k5, str("t") + none, Reason::success},
      {"QoS 3", kType, k5, str("t") + bytes({0, 1}) + none, kMalformed, kClient, 0x06},
      {"QoS 0 again", kType, k5, str("t") + none, kMalformed, kClient, 0x08},
      {"QoS 1 again", kType, k5, str("t") + bytes({0, 1}) + none, Reason::success, kClient, 0x0a},
      {"empty", kType, k5, "", kMalformed},
      {"half a length", kType, k5, bytes({0}), kMalformed},
      {"topic cut off", kType, k5, bytes({0, 3, 'a', 'b'}), kMalformed},
      {"no property length", kType, k5, str("t"), kMalformed},
      {"no packet id", kType, k5, str("t"), kMalformed, kClient, 0x02},
      {"half a packet id", kType, k3, str("t") + bytes({1}), kMalformed, kClient, 0x02},
      {"packet id 0 in 5", kType, k5, str("t") + bytes({0, 0}) + none, kProtocol, kClient, 0x02},
      {"packet id 0 in 3.1.1", kType, k3, str("t") + bytes({0, 0}), kMalformed, kClient, 0x04},
      {"topic not UTF-8", kType, k5, str("\xc3(") + none, kMalformed},
      {"topic not UTF-8 and with a wildcard", kType, k3, str("\xff#"), kMalformed},
      {"topic with U+0000", kType, k3, bytes({0, 2, 'a', 0}), kMalformed},
      {"topic with +", kType, k5, str("a/+") + none, Reason::topic_name_invalid},
      {"topic with #", kType, k3, str("#"), Reason::topic_name_invalid},
      {"no topic in 5", kType, k5, str("") + none, kProtocol},
      {"no topic in 3.1.1", kType, k3, str(""), kMalformed},
      {"properties cut off", kType, k5, str("t") + bytes({7, 0x23, 0}), kMalformed},
      {"property length cut off", kType, k5, str("t") + bytes({0x80}), kMalformed},
      {"property length not shortest", kType, k5, str("t") + bytes({0x80, 0}), kMalformed},
      {"property length of five bytes",
       kType,
       k5,
       str("t") + bytes({0xff, 0xff, 0xff, 0xff, 1}),
       kMalformed},
      {"payload that is not the text it says",
       kType,
       k5,
       str("t") + bytes({2, 1, 1}) + "\xff",
       Reason::success},
  });
}

TEST(CodecMalformed, Acks) {
  using enum PacketType;
  for (const PacketType type : {puback, pubrec, pubrel, pubcomp}) {
    expect_all({
        {"as it should be", type, k5, bytes({0, 1}), Reason::success},
        {"empty", type, k5, "", kMalformed},
        {"half a packet id", type, k3, bytes({1}), kMalformed},
        {"packet id 0 in 5", type, k5, bytes({0, 0}), kProtocol},
        {"packet id 0 in 3.1.1", type, k3, bytes({0, 0}), kMalformed},
        {"reason in 3.1.1", type, k3, bytes({0, 1, 0}), kMalformed},
        {"reason that there is not", type, k5, bytes({0, 1, 0x40}), kProtocol},
        {"reason of another packet", type, k5, bytes({0, 1, 0x8f}), kProtocol},
        {"properties cut off", type, k5, bytes({0, 1, 0, 4, 0x1f, 0, 1}), kMalformed},
        {"bytes left over", type, k5, bytes({0, 1, 0, 0, 0}), kMalformed},
    });
  }
  expect_all({
      {"PUBREL not found", pubrel, k5, bytes({0, 1, 0x92}), Reason::success},
      {"PUBCOMP not found", pubcomp, k5, bytes({0, 1, 0x92}), Reason::success},
      {"PUBACK not found", puback, k5, bytes({0, 1, 0x92}), kProtocol},
      {"PUBREC in use", pubrec, k5, bytes({0, 1, 0x91}), Reason::success},
      {"PUBREL in use", pubrel, k5, bytes({0, 1, 0x91}), kProtocol},
  });
}

TEST(CodecMalformed, Subscribe) {
  constexpr auto kType = PacketType::subscribe;
  const Bytes v5 = bytes({0, 1, 0});
  const Bytes v3 = bytes({0, 1});
  expect_all({
      {"as it should be", kType, k5, v5 + str("a") + bytes({0x2d}), Reason::success},
      {"no entry in 5", kType, k5, v5, kProtocol},
      {"no entry in 3.1.1", kType, k3, v3, kMalformed},
      {"empty", kType, k5, "", kMalformed},
      {"no property length", kType, k5, bytes({0, 1}), kMalformed},
      {"filter cut off", kType, k5, v5 + bytes({0, 2, 'a'}), kMalformed},
      {"no options", kType, k3, v3 + str("a"), kMalformed},
      {"half an entry behind a whole one", kType, k3, v3 + str("a") + bytes({1, 0}), kMalformed},
      {"filter not UTF-8", kType, k5, v5 + str("\xff") + bytes({0}), kMalformed},
      {"packet id 0 in 5", kType, k5, bytes({0, 0, 0}) + str("a") + bytes({0}), kProtocol},
      {"packet id 0 in 3.1.1", kType, k3, bytes({0, 0}) + str("a") + bytes({0}), kMalformed},
      {"QoS 3 in 5", kType, k5, v5 + str("a") + bytes({3}), kProtocol},
      {"QoS 3 in 3.1.1", kType, k3, v3 + str("a") + bytes({3}), kMalformed},
      {"reserved bit 6", kType, k5, v5 + str("a") + bytes({0x40}), kMalformed},
      {"reserved bit 7", kType, k5, v5 + str("a") + bytes({0x80}), kMalformed},
      {"no local in 3.1.1", kType, k3, v3 + str("a") + bytes({0x04}), kMalformed},
      {"retain as published in 3.1.1", kType, k3, v3 + str("a") + bytes({0x08}), kMalformed},
      {"retain handling in 3.1.1", kType, k3, v3 + str("a") + bytes({0x10}), kMalformed},
      {"retain handling 3", kType, k5, v5 + str("a") + bytes({0x30}), kProtocol},
      {"no local on a shared one", kType, k5, v5 + str("$share/g/a") + bytes({0x05}), kProtocol},
      {"shared", kType, k5, v5 + str("$share/g/a") + bytes({0x09}), Reason::success},
      {"second entry broken",
       kType,
       k5,
       v5 + str("a") + bytes({0}) + str("b") + bytes({0x40}),
       kMalformed},
  });
}

TEST(CodecMalformed, Unsubscribe) {
  constexpr auto kType = PacketType::unsubscribe;
  expect_all({
      {"as it should be", kType, k5, bytes({0, 1, 0}) + str("a"), Reason::success},
      {"no filter in 5", kType, k5, bytes({0, 1, 0}), kProtocol},
      {"no filter in 3.1.1", kType, k3, bytes({0, 1}), kMalformed},
      {"empty", kType, k5, "", kMalformed},
      {"filter cut off", kType, k5, bytes({0, 1, 0, 0, 2, 'a'}), kMalformed},
      {"half a length", kType, k3, bytes({0, 1, 0}), kMalformed},
      {"filter not UTF-8", kType, k3, bytes({0, 1}) + str("\xed\xa0\x80"), kMalformed},
      {"packet id 0 in 5", kType, k5, bytes({0, 0, 0}) + str("a"), kProtocol},
      {"packet id 0 in 3.1.1", kType, k3, bytes({0, 0}) + str("a"), kMalformed},
  });
}

TEST(CodecMalformed, SubscriptionAcks) {
  using enum PacketType;
  expect_all({
      {"SUBACK without reasons in 5", suback, k5, bytes({0, 1, 0}), kProtocol},
      {"SUBACK without codes in 3.1.1", suback, k3, bytes({0, 1}), kMalformed},
      {"SUBACK with a reason in 3.1.1", suback, k3, bytes({0, 1, 0x8f}), kMalformed},
      {"SUBACK with QoS 3", suback, k3, bytes({0, 1, 3}), kMalformed},
      {"SUBACK with a reason of another packet", suback, k5, bytes({0, 1, 0, 0x11}), kProtocol},
      {"SUBACK with its codes", suback, k3, bytes({0, 1, 0, 1, 2, 0x80}), Reason::success},
      {"SUBACK empty", suback, k5, "", kMalformed},
      {"SUBACK with packet id 0", suback, k5, bytes({0, 0, 0, 0}), kProtocol},
      {"UNSUBACK with a payload in 3.1.1", unsuback, k3, bytes({0, 1, 0}), kMalformed},
      {"UNSUBACK without reasons in 5", unsuback, k5, bytes({0, 1, 0}), kProtocol},
      {"UNSUBACK with a granted QoS", unsuback, k5, bytes({0, 1, 0, 1}), kProtocol},
      {"UNSUBACK with packet id 0", unsuback, k3, bytes({0, 0}), kMalformed},
      {"UNSUBACK of 3.1.1", unsuback, k3, bytes({0, 1}), Reason::success},
  });
}

TEST(CodecMalformed, Disconnect) {
  constexpr auto kType = PacketType::disconnect;
  constexpr auto kServer = Sender::server;
  expect_all({
      {"reason in 3.1.1", kType, k3, bytes({0}), kMalformed},
      {"reason that there is not", kType, k5, bytes({0x7f}), kProtocol},
      {"a server's reason from a client", kType, k5, bytes({0x8e}), kProtocol},
      {"a server's reason from a server", kType, k5, bytes({0x8e}), Reason::success, kServer},
      {"a client's reason from a server", kType, k5, bytes({0x04}), kProtocol, kServer},
      {"properties cut off", kType, k5, bytes({0, 5, 0x11, 0}), kMalformed},
      {"bytes left over", kType, k5, bytes({0, 0, 0}), kMalformed},
  });
}

TEST(CodecMalformed, Auth) {
  constexpr auto kType = PacketType::auth;
  const Bytes method = block(bytes({0x15}) + str("M"));
  expect_all({
      {"as it should be", kType, k5, bytes({0x18}) + method, Reason::success},
      {"no property length", kType, k5, bytes({0x18}), kMalformed},
      {"no method", kType, k5, bytes({0x18, 0}), kProtocol},
      {"data without method",
       kType,
       k5,
       bytes({0x18}) + block(bytes({0x16}) + str("D")),
       kProtocol},
      {"reason of another packet", kType, k5, bytes({0x87}) + method, kProtocol},
      {"bytes left over", kType, k5, bytes({0x19}) + method + "x", kMalformed},
  });
}

}  // namespace
}  // namespace runnel::mqtt
